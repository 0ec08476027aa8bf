// SPDX-License-Identifier: MIT
//
// Tries all parts at once, since what does not answer takes its time, says of each whether it works and if not why, and posts the outcomes, four words. All
// addresses are relative to the page's, so that it works behind a proxy that strips a prefix.
const PATIENCE_MS = 10000;
const GATHER_MS = 6000; // a browser asks a STUN server five times until then, and goes on for as long again
const PARTS = ['websocket', 'polling', 'stun', 'turn'];
const WORDS = { works: 'Works.', fails: 'Fails.', skipped: 'Not tried.' };
const byId = (id) => document.getElementById(id);

const works = (words) => ({ outcome: 'works', words });
const fails = (words) => ({ outcome: 'fails', words });
const skipped = (words) => ({ outcome: 'skipped', words });

function show(part, { outcome, words }) {
    const row = byId(part);
    const strong = document.createElement('strong');
    strong.textContent = WORDS[outcome] ?? '';
    row.className = outcome;
    row.lastElementChild.replaceChildren(strong, words);
}

// The status and text of an answer; status 0: there was none.
async function ask(path, options = {}) {
    try {
        const answer = await fetch(path, { ...options, cache: 'no-store', signal: AbortSignal.timeout(PATIENCE_MS) });
        return { status: answer.status, text: await answer.text() };
    } catch {
        return { status: 0, text: '' };
    }
}

// ---- WebSocket ----

// Resolves to how long one round trip took, in ms; rejects with the close's code and reason, or undefined.
function talk(url) {
    return new Promise((resolve, reject) => {
        const socket = new WebSocket(url, 'usher.v1');
        let asked;
        const late = setTimeout(() => end(reject), PATIENCE_MS);
        const end = (settle, value) => {
            clearTimeout(late);
            settle(value);
            socket.close();
        };
        socket.onclose = (event) => end(reject, event);
        socket.onmessage = ({ data }) => {
            const { type } = JSON.parse(data);
            if (type === 'welcome') {
                asked = performance.now();
                socket.send('{"type":"ping"}');
            } else if (type === 'pong') {
                end(resolve, Math.max(1, Math.round(performance.now() - asked)));
            }
        };
    });
}

async function checkWebSocket(admitted) {
    if (!admitted)
        return skipped(`The server lets in pages of other addresses only: its operator would add ${location.origin} to server.origins.`);
    const url = new URL('ws', location.href);
    url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
    try {
        return works(`The server answers within ${await talk(url)} ms.`);
    } catch (close) {
        if (close?.reason) return fails(`The server closed the connection: ${close.reason}.`);
        const { status } = await ask('ready');
        if (status === 0) return fails('The server does not answer any more.');
        if (status !== 200) return fails('The server is full, stops just now, or has had too many connections from your address. Try again later.');
        return fails('Ordinary requests reach the server, a WebSocket does not: something between, a proxy or a filter, does not let it through.');
    }
}

// ---- long polling ----

async function checkPolling(admitted) {
    if (!admitted) return skipped('As above.');
    const path = 'socket.io/?EIO=4&transport=polling';
    const { status, text } = await ask(path);
    if (status === 404) return skipped('The server does not offer it. Only applications made with Socket.IO would need it.');
    if (status !== 200 || !text.startsWith('0{')) return fails(status === 0 ? 'No answer came.' : `The server, or something between, answered ${status}.`);
    await ask(`${path}&sid=${encodeURIComponent(JSON.parse(text.slice(1)).sid)}`, { method: 'POST', body: '1' }); // and out again
    return works('It stands in where a WebSocket is not let through.');
}

// ---- STUN and TURN ----

const urlsOf = (server) => [server.urls].flat();
const only = (servers, scheme) =>
    servers.map((server) => ({ ...server, urls: urlsOf(server).filter((url) => scheme.test(url)) })).filter(({ urls }) => urls.length > 0);

// { found, errors, complete }: the first candidate of this type, and what the browser said of servers.
function gather(iceServers, iceTransportPolicy, type) {
    return new Promise((resolve, reject) => {
        const connection = new RTCPeerConnection({ iceServers, iceTransportPolicy });
        const errors = [];
        const end = (result) => {
            clearTimeout(late);
            connection.close();
            resolve({ ...result, errors });
        };
        const late = setTimeout(() => end({ complete: false }), GATHER_MS);
        connection.onicecandidateerror = ({ url, errorCode, errorText }) => errors.push({ url, errorCode, errorText });
        connection.onicecandidate = ({ candidate }) => {
            if (!candidate) end({ complete: true });
            else if (candidate.type === type) end({ found: candidate });
        };
        connection.createDataChannel('check');
        connection.setLocalDescription().catch(reject);
    });
}

const list = (servers) => servers.flatMap(urlsOf).join(', ');

async function checkStun(ice) {
    if (ice.reason) return skipped(ice.reason);
    const servers = only(ice.servers, /^stuns?:/);
    if (servers.length === 0) return skipped('The operator has named no STUN server. People in different networks will not find each other without one.');
    const { found, errors, complete } = await gather(servers, 'all', 'srflx');
    if (found) return works(`It sees you at ${found.address}.`);
    if (complete && errors.length === 0 && 'onicecandidateerror' in RTCPeerConnection.prototype)
        return works('A server answers, and nothing between changes your address.');
    return fails(`No answer from ${list(servers)}: UDP to it is not let out of your network, or the server does not run.`);
}

function whyNoRelay(errors, servers) {
    const refused = errors.find(({ errorCode }) => errorCode >= 400 && errorCode < 500);
    if (refused)
        return `${refused.url} refused the credentials that this server gave (${refused.errorCode}): its operator would compare ` +
            'ice.turn_secret with the TURN server\'s, and both clocks.';
    const broken = errors.find(({ errorCode }) => errorCode >= 300 && errorCode < 700);
    if (broken) return `${broken.url} could not relay (${broken.errorCode} ${broken.errorText}).`;
    return `No answer from ${list(servers)}: your network does not let it out, or the server does not run.`;
}

async function checkTurn(ice) {
    if (ice.reason) return skipped(ice.reason);
    const servers = only(ice.servers, /^turns?:/);
    if (servers.length === 0) return skipped('The operator has named no TURN server. Where networks let no direct call through, none will be possible.');
    const { found, errors } = await gather(servers, 'relay', 'relay');
    return found ? works(`Calls that cannot go straight can go through ${found.address}.`) : fails(whyNoRelay(errors, servers));
}

// { servers }, or { reason } why they are not known.
async function iceServers(token) {
    if (!('RTCPeerConnection' in window)) return { reason: 'This browser has no WebRTC, or it is switched off.' };
    const { status, text } = await ask('api/ice-servers', token ? { headers: { authorization: `Bearer ${token}` } } : {});
    if (status === 200) return { servers: JSON.parse(text).iceServers };
    byId('token-row').hidden &&= status !== 401;
    if (status === 401) return { reason: token ? 'The server does not take this token.' : 'The server tells its STUN and TURN servers only to those with a token.' };
    return { reason: status === 0 ? 'The server does not answer.' : `The server does not tell its STUN and TURN servers now (${status}).` };
}

// ---- all of it ----

function verdict({ websocket, polling, stun, turn }) {
    const is = (part, outcome) => part.outcome === outcome;
    if (is(websocket, 'fails') && !is(polling, 'works')) return ['fails', 'You cannot reach anybody from here: the server is not reached by WebSocket.'];
    if (is(stun, 'fails') && !is(turn, 'works')) return ['fails', 'Calls will fail from here, but for those within your own network.'];
    if (is(turn, 'fails')) return ['fails', 'Calls will work with most people, but not where both networks are strict.'];
    if (is(websocket, 'fails')) return ['fails', 'Only applications made with Socket.IO reach the server from here.'];
    if (is(stun, 'fails')) return ['works', 'Calls will work from here, through a relay.'];
    if ([stun, turn, websocket].some((part) => is(part, 'skipped'))) return ['', 'What could be tried works.'];
    return ['works', 'Calls will work from here.'];
}

function conclude(kind, words) {
    byId('verdict').className = kind;
    byId('verdict').textContent = words;
}

async function run(token) {
    byId('again').hidden = true;
    conclude('', 'Checking …');
    for (const part of PARTS) show(part, { outcome: '', words: 'waits' });
    // An empty result is none: it asks whether the page may post at all.
    const admitted = (await ask('check/result', { method: 'POST', body: '' })).status !== 403;
    const ice = await iceServers(token);
    const checks = { websocket: () => checkWebSocket(admitted), polling: () => checkPolling(admitted), stun: () => checkStun(ice), turn: () => checkTurn(ice) };
    const results = {};
    await Promise.all(PARTS.map(async (part) => {
        show(part, { outcome: '', words: 'is being tried …' });
        results[part] = await checks[part]().catch((error) => fails(`The browser refused: ${error.message}`));
        show(part, results[part]);
    }));
    conclude(...verdict(results));
    byId('again').hidden = false;
    if (admitted) await ask('check/result', { method: 'POST', body: new URLSearchParams(PARTS.map((part) => [part, results[part].outcome])) });
    document.documentElement.dataset.done = 'yes'; // for whoever drives the page
}

byId('again').addEventListener('submit', (event) => {
    event.preventDefault();
    delete document.documentElement.dataset.done;
    run(byId('token').value.trim());
});
run('');

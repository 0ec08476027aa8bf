// SPDX-License-Identifier: MIT
//
// The page: what is run stands behind # of its address (name, seed, at), so that a failure is shown by a link.
import { History, movement } from './history.js';
import { drawState } from './picture.js';

const AROUND = 60; // lines of the trace that are in the page before and behind the present one
const MOVES_MS = 250; // of virtual time: what is drawn as under way
const at = (id) => document.getElementById(id);
let history;
let shown = 0; // lines
let playing;

function readAddress() {
    const wanted = new URLSearchParams(location.hash.slice(1));
    return { name: wanted.get('name') ?? 'partition-heals', seed: Number(wanted.get('seed') ?? 1), at: Number(wanted.get('at') ?? 0) };
}

const seconds = (ms) => (ms / 1000).toFixed(3);

function writeAddress() {
    const line = history?.lines[shown - 1];
    const parts = { name: at('name').value, seed: at('seed').value, ...(line ? { at: seconds(line.at) } : {}) };
    window.history.replaceState(null, '', `#${new URLSearchParams(parts)}`);
}

function showLines() {
    const from = Math.max(0, shown - AROUND);
    const rows = history.lines.slice(from, shown + AROUND).map(({ at: when, text }, i) => {
        const row = document.createElement('li');
        row.textContent = `${seconds(when)}  ${text}`;
        if (from + i === shown - 1) row.setAttribute('aria-current', 'step');
        row.onclick = () => show(from + i + 1);
        return row;
    });
    at('trace').replaceChildren(...rows);
    at('trace').querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest' });
}

// The run as it was behind the first n lines.
function show(n) {
    shown = Math.min(Math.max(n, 1), history.lines.length);
    const state = history.state(shown);
    const recent = history.lines.slice(history.until(state.at - MOVES_MS), shown);
    drawState(at('picture'), state, recent.map(({ text }) => movement(state, text)).filter(Boolean));
    at('time').textContent = `${seconds(state.at)} s, line ${shown} of ${history.lines.length}`;
    at('slider').value = shown;
    showLines();
    writeAddress();
}

function stop() {
    clearInterval(playing);
    playing = undefined;
    at('play').textContent = 'Play';
}

// Virtual time passes as fast as is chosen; what is quiet for long is skipped.
function play() {
    if (playing) return stop();
    if (shown === history.lines.length) show(1);
    at('play').textContent = 'Pause';
    let now = history.lines[shown - 1].at;
    let then = performance.now();
    playing = setInterval(() => {
        const real = performance.now();
        now += (real - then) * Number(at('speed').value);
        then = real;
        const next = history.lines[shown];
        if (!next) return stop();
        if (next.at > now + 1000) now = next.at;
        if (next.at <= now) show(history.until(now));
    }, 50);
}

function finish(lines, end, wanted) {
    history = new History(lines);
    at('result').textContent = end ?? `All was as it should be. ${lines.at(-1)?.replace('# ', '') ?? ''}`;
    at('result').className = end ? 'bad' : 'good';
    at('last').textContent = end ? lines.filter((line) => !/^# +\d+\.\d{3} /.test(line)).join('\n') : '';
    for (const id of ['play', 'back', 'forth', 'slider']) at(id).disabled = history.lines.length === 0;
    at('slider').max = history.lines.length;
    if (history.lines.length > 0) show(wanted ? history.until(wanted * 1000) : end ? history.lines.length : 1);
}

let worker;
function start(wanted) {
    stop();
    worker?.terminate();
    worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
    const lines = [];
    at('result').textContent = 'It runs …';
    at('result').className = '';
    worker.onmessage = ({ data }) => {
        if (data.lines) for (const line of data.lines) lines.push(line);
        else finish(lines, data.end, wanted);
    };
    worker.onerror = () => finish(lines, 'this browser cannot run it (WebAssembly and module workers are needed)', 0);
    worker.postMessage({ name: at('name').value, seed: Number(at('seed').value) });
}

function fillNames(found, wanted) {
    for (const [kind, label] of [['seed', 'Random, by a seed'], ['story', 'Stories']]) {
        const group = document.createElement('optgroup');
        group.label = label;
        group.append(...found.filter((one) => one.kind === kind).map(({ name }) => new Option(name, name)));
        at('name').append(group);
    }
    at('name').value = wanted.name;
    at('seed').value = wanted.seed;
}

function open() {
    const wanted = readAddress();
    const lister = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
    lister.onmessage = ({ data }) => {
        lister.terminate();
        if (!data.list) return finish([], data.end, 0);
        fillNames(data.list, wanted);
        if (at('name').value !== wanted.name) return finish([], `there is no ${wanted.name}: choose another`, 0);
        start(wanted.at);
    };
    lister.postMessage({ list: true });
}

at('form').onsubmit = (event) => {
    event.preventDefault();
    start(0);
};
at('play').onclick = play;
at('back').onclick = () => show(shown - 1);
at('forth').onclick = () => show(shown + 1);
at('slider').oninput = () => show(Number(at('slider').value));
window.onhashchange = () => location.reload();
open();

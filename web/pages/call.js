// SPDX-License-Identifier: MIT
//
// A call: who of the room is in it, and a connection for media to each of them. What these connections have to say to each other (descriptions, candidates, who is muted)
// goes over a data channel of the link that is verified already, `usher-call`, so that no server can put itself between. Negotiation is the perfect one of the WebRTC
// specification (section 10.7): the smaller id is impolite, and makes the first offer. A change of network restarts ICE; a lost link says all again once it is back.
// Tells: `call` (who is in it), `tile` (detail.id), `caption`, `recording`.
const LABEL = 'usher-call';
export const CALL_MAX = 8;
const PATIENCE_MS = 4000; // for a connection that is disconnected to come back by itself
const LEFT_MS = 12000; // for one that has failed and has no link either
const EARLY_MAX = 64; // of an offer and its candidates
const TEXT_MAX = 100000; // of a message: a description of many pictures has 30,000

/** @typedef {{ muted: boolean, camera: boolean, stream: string, screen: string, recording: boolean }} Shown what somebody in the call shows of himself */
/** @typedef {{ id: string, channels: RTCDataChannel[], channel?: RTCDataChannel, here: boolean, session: string, shown: Shown, pc?: RTCPeerConnection, polite: boolean, making: boolean, ignoring: boolean,
 *    offered: boolean, streams: Map<string, MediaStream>, state: string, early: any[] }} Party */

const randomText = () => [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
const nothing = () => ({ muted: true, camera: false, stream: '', screen: '', recording: false });

export class Call extends EventTarget {
    /** @param {import('./session.js').Session} session */
    constructor(session) {
        super();
        this.session = session;
        /** @type {Map<string, Party>} */ this.parties = new Map();
        this.joined = false;
        this.shown = nothing();
        /** @type {MediaStream} */ this.local = new MediaStream();
        /** @type {MediaStream | undefined} */ this.screen = undefined;
        this.off = new AbortController();
        const { signal } = this.off;
        session.peer.addEventListener('channel', ({ detail }) => detail.label === LABEL && this.#adopt(detail.id, detail.channel), { signal });
        session.addEventListener('came', ({ detail }) => this.#linkChanged(detail.id, detail.up), { signal });
        addEventListener('online', () => this.#restart(), { signal });
        /** @type {any} */ (navigator).connection?.addEventListener('change', () => this.#restart(), { signal });
    }

    #tell(type, detail = {}) {
        this.dispatchEvent(new CustomEvent(type, { detail }));
    }

    /** @param {string} id @returns {Party} */
    #party(id) {
        if (!this.parties.has(id))
            this.parties.set(id, { id, channels: [], here: false, session: '', shown: nothing(), polite: this.session.me > id, making: false, ignoring: false, offered: false,
                streams: new Map(), state: '', early: [] });
        return /** @type {Party} */ (this.parties.get(id));
    }

    /** Those others who are in the call. */
    get others() {
        return [...this.parties.values()].filter(({ here }) => here);
    }

    // ---- the channel ----

    #reach(id) {
        const party = this.#party(id);
        if (party.channels.some(({ readyState }) => readyState === 'open' || readyState === 'connecting')) return;
        try {
            this.session.peer.channel(id, LABEL);
        } catch {
            // the link is not there, or not verified: it will be told
        }
    }

    /** @param {string} id @param {RTCDataChannel} channel */
    #adopt(id, channel) {
        const party = this.#party(id);
        party.channels.push(channel);
        const opened = () => {
            if (!this.joined) return;
            this.#say(party, this.#here());
            if (party.pc?.signalingState === 'have-local-offer') this.#say(party, { type: 'description', description: party.pc.localDescription });
        };
        channel.addEventListener('message', ({ data }) => this.#hear(party, data));
        channel.addEventListener('close', () => (party.channels = party.channels.filter((one) => one !== channel)));
        if (channel.readyState === 'open') opened();
        else channel.addEventListener('open', opened);
    }

    // All on one channel as long as it is open, so that what is said arrives in order.
    #say(party, message) {
        if (party.channel?.readyState !== 'open') party.channel = party.channels.find(({ readyState }) => readyState === 'open');
        try {
            party.channel?.send(JSON.stringify(message));
        } catch {
            // it closed meanwhile: all is said again on the next one
        }
    }

    #here() {
        return { type: 'here', session: (this.sessionId ??= randomText()), ...this.shown };
    }

    #sayAll(message) {
        for (const party of this.parties.values()) this.#say(party, message);
    }

    #linkChanged(id, up) {
        if (up && this.joined) this.#reach(id);
        const party = this.parties.get(id);
        if (!up && party?.here && !party.pc) this.#gone(party);
    }

    /** @param {Party} party @param {string} data */
    async #hear(party, data) {
        if (typeof data !== 'string' || data.length > TEXT_MAX) return;
        let message;
        try {
            message = JSON.parse(data);
        } catch {
            return;
        }
        try {
            await this.#HEARD[message?.type]?.call(this, party, message);
        } catch (error) {
            console.warn('usher-call', error); // of what a stranger's program makes up
        }
    }

    #HEARD = {
        here: (party, message) => this.#heardHere(party, message),
        left: (party) => this.#gone(party),
        description: (party, message) => this.#early(party, message) || this.#heardDescription(party, message.description),
        candidate: (party, message) => this.#early(party, message) || this.#heardCandidate(party, message.candidate),
        caption: (party, { text, final }) => party.here && this.#tell('caption', { id: party.id, text: String(text).slice(0, 500), final: Boolean(final) }),
    };

    #heardHere(party, { session, muted, camera, stream, screen, recording }) {
        const anew = party.session !== session;
        const known = party.here;
        if (anew && party.pc) this.#drop(party);
        const before = party.shown.recording;
        Object.assign(party, { here: true, session: String(session), shown: { muted: Boolean(muted), camera: Boolean(camera), stream: String(stream), screen: String(screen), recording: Boolean(recording) } });
        if (before !== party.shown.recording) this.#tell('recording', { id: party.id, on: party.shown.recording });
        if (this.joined && (!known || anew)) {
            this.#say(party, this.#here());
            this.#connect(party);
            this.#fitPictures();
        }
        this.#tell(known && !anew ? 'tile' : 'call', { id: party.id });
    }

    #gone(party) {
        const { here } = party;
        this.#drop(party);
        Object.assign(party, { here: false, session: '', shown: nothing() });
        if (here && this.joined) this.#fitPictures();
        if (here) this.#tell('call', { id: party.id });
    }

    // ---- the connection for media ----

    #drop(party) {
        if (party.pc) {
            party.pc.onconnectionstatechange = party.pc.onnegotiationneeded = party.pc.ontrack = party.pc.onicecandidate = null;
            party.pc.close();
        }
        Object.assign(party, { pc: undefined, making: false, ignoring: false, offered: false, streams: new Map(), state: '', early: [] });
    }

    /** @param {Party} party */
    #connect(party) {
        if (party.pc) return;
        const pc = (party.pc = new RTCPeerConnection({ iceServers: this.session.peer.connection(party.id)?.getConfiguration().iceServers ?? [] }));
        party.state = 'connecting';
        pc.onicecandidate = ({ candidate }) => this.#say(party, { type: 'candidate', candidate });
        pc.onnegotiationneeded = () => this.#offer(party);
        pc.ontrack = ({ track, streams: [stream] }) => stream && this.#trackCame(party, track, stream);
        pc.onconnectionstatechange = () => this.#stateChanged(party, pc);
        for (const track of this.local.getTracks()) pc.addTrack(track, this.local);
        for (const track of this.screen?.getTracks() ?? []) pc.addTrack(track, /** @type {MediaStream} */ (this.screen));
        if (!party.polite) // who makes the first offer asks for sound and picture, also if he has none
            for (const kind of ['audio', 'video']) if (!this.local.getTracks().some((track) => track.kind === kind)) pc.addTransceiver(kind, { direction: 'recvonly' });
        for (const message of party.early.splice(0)) this.#HEARD[message.type].call(this, party, message).catch((error) => console.warn(LABEL, error));
    }

    #trackCame(party, track, stream) {
        party.streams.set(stream.id, stream);
        stream.onremovetrack = () => {
            if (stream.getTracks().length === 0) party.streams.delete(stream.id);
            this.#tell('tile', { id: party.id });
        };
        track.onunmute = track.onmute = () => this.#tell('tile', { id: party.id });
        this.#tell('tile', { id: party.id });
    }

    #stateChanged(party, pc) {
        party.state = pc.connectionState;
        if (pc.connectionState === 'failed') pc.restartIce();
        if (pc.connectionState === 'disconnected') setTimeout(() => pc.connectionState === 'disconnected' && pc.restartIce(), PATIENCE_MS);
        if (pc.connectionState === 'failed') setTimeout(() => party.pc === pc && pc.connectionState !== 'connected' && !this.session.people.get(party.id)?.up && this.#gone(party), LEFT_MS);
        this.#tell('tile', { id: party.id });
    }

    async #offer(party) {
        const { pc } = party;
        if (!pc || (party.polite && !party.offered)) return; // the smaller id calls
        try {
            party.making = true;
            await pc.setLocalDescription();
            this.#say(party, { type: 'description', description: pc.localDescription });
        } finally {
            party.making = false;
        }
    }

    // What comes before we know that the other one is in the call waits until we do.
    #early(party, message) {
        if (party.pc) return undefined;
        if (this.joined && party.early.length < EARLY_MAX) party.early.push(message);
        return Promise.resolve();
    }

    async #heardDescription(party, description) {
        const { pc } = party;
        if (!['offer', 'answer'].includes(description?.type)) return;
        const collides = description.type === 'offer' && (party.making || pc.signalingState !== 'stable');
        party.ignoring = !party.polite && collides;
        if (party.ignoring) return;
        if (description.type === 'answer' && pc.signalingState !== 'have-local-offer') return; // to an offer that was taken back
        party.offered = true;
        await pc.setRemoteDescription(description);
        if (description.type !== 'offer') return;
        await pc.setLocalDescription();
        this.#say(party, { type: 'description', description: pc.localDescription });
    }

    async #heardCandidate(party, candidate) {
        try {
            await party.pc.addIceCandidate(candidate ?? undefined); // behind the description that is being set
        } catch (error) {
            if (!party.ignoring && party.pc?.remoteDescription) throw error;
        }
    }

    #restart() {
        for (const { pc } of this.parties.values()) pc?.restartIce();
    }

    // ---- what the person does ----

    /** @param {MediaStream} local tracks of it are the call's from now on */
    join(local) {
        this.joined = true;
        this.local = local;
        this.sessionId = randomText();
        this.shown = { ...nothing(), muted: !local.getAudioTracks()[0]?.enabled, camera: local.getVideoTracks().length > 0, stream: local.id };
        for (const { id, up, verified } of this.session.people.values()) if (up && verified) this.#reach(id);
        for (const party of this.parties.values()) {
            this.#say(party, this.#here());
            if (party.here) this.#connect(party);
        }
        this.#fitPictures();
        this.#tell('call');
    }

    // With more than two everybody sends to several: smaller pictures do for smaller tiles.
    #fitPictures() {
        const [track] = this.local.getVideoTracks();
        const few = this.others.length < 2;
        track?.applyConstraints({ width: { ideal: few ? 1280 : 640 }, height: { ideal: few ? 720 : 360 }, frameRate: { max: few ? 30 : 20 } }).catch(() => {});
    }

    leave() {
        if (!this.joined) return;
        this.joined = false;
        this.#sayAll({ type: 'left' });
        for (const party of this.parties.values()) this.#drop(party);
        for (const stream of [this.local, this.screen]) for (const track of stream?.getTracks() ?? []) track.stop();
        this.local = new MediaStream();
        this.screen = undefined;
        this.shown = nothing();
        this.#tell('call');
    }

    close() {
        this.leave();
        this.off.abort();
    }

    /** Tells all what of us has changed. @param {Partial<Shown>} change */
    show(change) {
        Object.assign(this.shown, change);
        if (this.joined) this.#sayAll(this.#here());
        this.#tell('tile', { id: this.session.me });
    }

    /** @param {boolean} muted */
    mute(muted) {
        for (const track of this.local.getAudioTracks()) track.enabled = !muted;
        this.show({ muted: muted || this.local.getAudioTracks().length === 0 });
    }

    /** Another track in place of the one of its kind, or none: the camera's light goes out. @param {'audio' | 'video'} kind @param {MediaStreamTrack | null} track */
    async setTrack(kind, track) {
        for (const old of this.local.getTracks().filter((one) => one.kind === kind)) {
            this.local.removeTrack(old);
            old.stop();
        }
        if (track) this.local.addTrack(track);
        for (const { pc } of this.parties.values()) {
            const sender = pc?.getSenders().find((one) => (one.track?.kind ?? one.kindWas) === kind && one !== this.#screenSender(pc));
            if (sender) {
                sender.kindWas = kind;
                await sender.replaceTrack(track);
            } else if (pc && track) {
                pc.addTrack(track, this.local);
            }
        }
        if (kind === 'video') this.show({ camera: Boolean(track) });
        else this.mute(this.shown.muted);
    }

    #screenSender(pc) {
        return pc.getSenders().find(({ track }) => track && this.screen?.getTracks().includes(track));
    }

    /** @param {MediaStream} stream of getDisplayMedia */
    share(stream) {
        this.unshare();
        this.screen = stream;
        for (const { pc } of this.parties.values()) for (const track of stream.getTracks()) pc?.addTrack(track, stream);
        stream.getVideoTracks()[0]?.addEventListener('ended', () => this.unshare());
        this.show({ screen: stream.id });
    }

    unshare() {
        const { screen } = this;
        if (!screen) return;
        for (const { pc } of this.parties.values()) for (const sender of pc?.getSenders() ?? []) if (sender.track && screen.getTracks().includes(sender.track)) pc?.removeTrack(sender);
        for (const track of screen.getTracks()) track.stop();
        this.screen = undefined;
        this.show({ screen: '' });
    }

    /** @param {string} text @param {boolean} final */
    caption(text, final) {
        this.#sayAll({ type: 'caption', text, final });
        this.#tell('caption', { id: this.session.me, text, final });
    }
}

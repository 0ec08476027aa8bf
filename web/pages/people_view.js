// SPDX-License-Identifier: MIT
//
// Who is here, how each is reached, and whether fingerprints were compared.
import { el, keepChildren, openDialog, qrPicture, say } from './dom.js';
import { t } from './text.js';
import { kept } from './place.js';
import { avatar } from './chat_view.js';

const PATHS = { direct: 'pathDirect', turn: 'pathTurn', relay: 'pathRelay' };
const compared = () => new Set(JSON.parse(kept.get('compared') ?? '[]'));

/** The id is made from the key, 128 bits of its hash: comparing ids compares keys. @param {string} id */
export const fingerprint = (id) => id.match(/.{1,5}/g).join(' ');

function setCompared(id, yes) {
    const all = compared();
    if (yes) all.add(id);
    else all.delete(id);
    kept.set('compared', JSON.stringify([...all].slice(-1000)));
}

function askToCompare(session, id, changed) {
    const name = session.nameOf(id);
    const line = (label, of) => el('div', { class: 'row' }, el('div', { class: 'grow' }, el('div', { class: 'label' }, label), el('code', { class: 'fingerprint' }, fingerprint(of))),
        qrPicture(of, t('qrOf', label)));
    const known = compared().has(id);
    const end = (yes) => {
        setCompared(id, yes);
        dialog.close();
        changed();
    };
    const dialog = openDialog(t('verifyTitle', name), [el('p', {}, t('verifyHelp')), line(t('yours'), session.me), line(t('theirs'), id),
        el('div', { class: 'row' }, el('button', { type: 'button', class: 'primary', autofocus: true, click: () => end(!known) }, known ? t('verifyUndo') : t('verifySame')),
            el('button', { type: 'button', click: () => dialog.close() }, t('close')))]);
}

function personRow(session, person, changed) {
    const name = el('strong', { dir: 'auto' });
    const path = el('span', {});
    const mark = el('span', { class: 'tag good', title: t('verifiedHelp') }, `✓ ${t('verified')}`);
    const plain = el('span', { class: 'tag warn', title: t('plainHelp') }, t('plain'));
    const warning = el('div', { class: 'notice warn small' });
    const compare = el('button', { type: 'button', class: 'compact', click: () => askToCompare(session, person.id, changed) }, t('verify'));
    const picture = el('span', { class: 'picture' }, avatar(person.id, session.nameOf(person.id)), el('span', { class: 'dot' }));
    const element = el('li', { class: 'person' }, picture, el('div', { class: 'grow' }, el('div', { class: 'row tight' }, name, mark, plain), path, warning), compare);
    return { element, update: (now) => {
        say(name, session.nameOf(now.id));
        const how = now.up ? t(PATHS[now.path] ?? 'pathDirect') : now.path === 'relay' ? t('pathRelay') : t('pathNone');
        say(path, [how, now.up && now.rttMs !== undefined && now.rttMs !== null ? t('roundTrip', Math.round(now.rttMs)) : '', now.away ? t('away') : ''].filter(Boolean).join(' · '));
        path.className = 'small quiet';
        element.dataset.state = now.up ? (now.away ? 'away' : 'up') : 'down';
        mark.hidden = !compared().has(now.id);
        plain.hidden = now.verified || !now.up;
        compare.hidden = !now.verified;
        compare.setAttribute('aria-label', `${t('verify')}: ${session.nameOf(now.id)}`);
        warning.hidden = !now.warning;
        say(warning, now.warning ?? '');
    } };
}

function ownRow(session) {
    return el('div', { class: 'person' }, el('span', { class: 'picture' }, avatar(session.me, session.peer.name)),
        el('div', { class: 'grow' }, el('strong', { dir: 'auto' }, session.peer.name), ' ', el('span', { class: 'quiet' }, `(${t('you')})`),
            el('div', { class: 'small quiet' }, el('code', {}, fingerprint(session.me)))));
}

/** @param {import('./session.js').Session} session */
export function peopleView(session) {
    const list = el('ul', { class: 'people-list' });
    const show = () => {
        const people = session.present.sort((a, b) => session.nameOf(a.id).localeCompare(session.nameOf(b.id)) || (a.id < b.id ? -1 : 1));
        keepChildren(list, people, ({ id }) => id, (person) => personRow(session, person, show));
    };
    session.addEventListener('people', show);
    show();
    return el('section', { class: 'panel', 'aria-labelledby': 'people-title' }, el('h2', { id: 'people-title' }, t('people')), ownRow(session), list);
}

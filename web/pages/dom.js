// SPDX-License-Identifier: MIT
//
// Makes elements. Whatever was received goes in as text: there is no way here to have it read as HTML.

/** @param {string} tag @param {Object<string, any>} [set] attributes; a function listens to the event of that name; null and false are left out @param {...(Node|string|null|undefined|false)} inside */
export function el(tag, set = {}, ...inside) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(set)) {
        if (value === null || value === undefined || value === false) continue;
        if (typeof value === 'function') element.addEventListener(name, value);
        else element.setAttribute(name, value === true ? '' : String(value));
    }
    element.append(...inside.filter((one) => one !== null && one !== undefined && one !== false));
    return element;
}

/** A picture of one path. @param {Object<string, string>} set attributes */
function svg(set) {
    const [picture, path] = ['svg', 'path'].map((tag) => document.createElementNS('http://www.w3.org/2000/svg', tag));
    for (const [name, value] of Object.entries(set)) picture.setAttribute(name, value);
    picture.append(path);
    return { picture, path };
}

/** A picture out of lines, 24 by 24, that says nothing to a screen reader: its button does. @param {string} d */
export function icon(d) {
    const { picture, path } = svg({ viewBox: '0 0 24 24', 'aria-hidden': 'true', class: 'icon' });
    path.setAttribute('d', d);
    return picture;
}

/** A QR code, drawn when what draws it is there. @param {string} text @param {string} label what a screen reader says */
export function qrPicture(text, label) {
    const margin = 4; // ISO/IEC 18004 section 5.3.8
    const { picture, path } = svg({ role: 'img', 'aria-label': label, class: 'qr' });
    import('./qrcode.js').then(({ default: qrcode }) => {
        const code = qrcode(0, 'M');
        code.addData(text);
        code.make();
        const side = code.getModuleCount();
        const rows = Array.from({ length: side }, (_, y) => Array.from({ length: side }, (__, x) => (code.isDark(y, x) ? `M${x} ${y}h1v1h-1z` : '')).join(''));
        picture.setAttribute('viewBox', `${-margin} ${-margin} ${side + 2 * margin} ${side + 2 * margin}`);
        path.setAttribute('d', rows.join(''));
    }, () => picture.remove()); // the text beside it says the same
    return picture;
}

export const ICONS = {
    send: 'M4 12 20 4l-5 16-3-7z',
    attach: 'M8 12.5 14 6.4a3.2 3.2 0 0 1 4.6 4.6l-7.8 7.7a5 5 0 0 1-7-7L11 4.3',
    camera: 'M3 7.5A1.5 1.5 0 0 1 4.5 6h9A1.5 1.5 0 0 1 15 7.500v9a1.5 1.5 0 0 1-1.5 1.500h-9A1.5 1.5 0 0 1 3 16.500zM15 10.500l6-3.500v10l-6-3.5',
    mic: 'M12 3a3 3 0 0 0-3 3v6a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM5.5 11.500a6.5 6.5 0 0 0 13 0M12 18v3',
    screen: 'M3.5 5h17v11h-17zM8 20h8M12 16v4M12 13V8.500M9.5 10.7 12 8.200l2.5 2.5',
    leave: 'M4.5 14.500c4.5-4 10.5-4 15 0l-2.3 2.8-3.4-1.500v-2.200a8 8 0 0 0-3.6 0v2.200l-3.4 1.500z',
    people: 'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20a6.5 6.5 0 0 1 13 0M16 4.300a3.5 3.5 0 0 1 0 6.400M18 14.200a6.5 6.5 0 0 1 3.5 5.8',
    link: 'M10 14a4 4 0 0 0 5.7 0l3.1-3.100a4 4 0 0 0-5.7-5.700L12 6.300M14 10a4 4 0 0 0-5.7 0l-3.1 3.100a4 4 0 0 0 5.7 5.700L12 17.7',
    pin: 'M9 4h6l-1 6 3 3H7l3-3zM12 13v7',
    window: 'M3.5 5h17v14h-17zM12 12h8.500v7H12z',
    settings: 'M4 7h9M17 7h3M4 17h3M11 17h9M15 5v4M9 15v4',
    record: 'M12 5a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM12 9.500a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z',
    captions: 'M3.5 5.500h17v13h-17zM7 14h6M15.5 14H17M7 10.500h2M11.5 10.500H17',
    file: 'M6 3.500h8l4.5 4.500v12.500H6zM14 3.500V8h4.5',
    close: 'M6 6l12 12M18 6 6 18',
    pause: 'M9 6v12M15 6v12',
    play: 'M8 5.500v13l10.5-6.500z',
    check: 'M5 12.5 10 17.5 19.5 7',
    checks: 'M2 13l4.5 4.5L15 8.5M10.5 16l1.5 1.5 9.5-9.5',
    clock: 'M12 5a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM12 8.5V12l2.5 1.5',
    failed: 'M12 5a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM12 8.5v4M12 15v.5',
    info: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 11v5M12 8v.5',
};

/** A button with a picture; its words are its name. @param {string} d @param {string} label @param {(event: Event) => void} click @param {Object<string, any>} [set] */
export function iconButton(d, label, click, set = {}) {
    return el('button', { type: 'button', class: 'icon-button', 'aria-label': label, title: label, click, ...set }, icon(d));
}

/** Opens a dialog that ends with Escape, a click beside it, or `close`; the focus goes back where it was. @param {string} title @param {Node[]} inside @param {{ closed?: () => void }} [options] */
export function openDialog(title, inside, { closed } = {}) {
    const heading = el('h2', { id: `dialog-${++dialogs}` }, title);
    const dialog = /** @type {HTMLDialogElement} */ (el('dialog', { 'aria-labelledby': heading.id }, heading, ...inside));
    dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
    dialog.addEventListener('close', () => {
        dialog.remove();
        closed?.();
    });
    document.body.append(dialog);
    dialog.showModal();
    return dialog;
}
let dialogs = 0;

/** Makes the children of `parent` those of `items`, in their order: each is made once, and told when its item has changed, so that the focus and what is open stay.
 * @template T @param {HTMLElement & { rows?: Map<string, any> }} parent @param {T[]} items @param {(item: T) => string} key
 * @param {(item: T) => { element: HTMLElement, update: (item: T) => void }} make */
export function keepChildren(parent, items, key, make) {
    const rows = (parent.rows ??= new Map());
    const wanted = new Map(items.map((item) => [key(item), item]));
    for (const [name, row] of rows)
        if (!wanted.has(name)) {
            row.element.remove();
            rows.delete(name);
        }
    let before = null;
    for (const [name, item] of wanted) {
        if (!rows.has(name)) rows.set(name, make(item));
        const { element, update } = rows.get(name);
        update(item);
        const place = before ? before.nextSibling : parent.firstChild;
        if (place !== element) parent.insertBefore(element, place);
        before = element;
    }
}

/** Sets the text only if it is another, for readers that tell each change. @param {Node} element @param {string} text */
export function say(element, text) {
    if (element.textContent !== text) element.textContent = text;
}

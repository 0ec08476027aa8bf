// SPDX-License-Identifier: MIT
//
// Captions of what one says oneself, recognised on this device or not at all: the button is there only where the browser says that it can do it without sending sound away.
// Each speaker's words go to the others over the verified link.
import { el, icon, ICONS, say } from './dom.js';
import { t } from './text.js';

const Recognition = () => /** @type {any} */ (window).SpeechRecognition;

/** Whether speech of this language is recognised on this device now; everything else, doubt included, is no. @param {string} language */
export async function canRecognise(language) {
    try {
        return (await Recognition()?.available?.({ langs: [language], processLocally: true })) === 'available';
    } catch {
        return false;
    }
}

/** @param {import('./call.js').Call} call @param {(text: string, kind?: string) => void} tell */
export function captionsButton(call, tell) {
    const language = navigator.language;
    const words = el('span', {}, t('captionsOn'));
    const button = el('button', { type: 'button', class: 'control', hidden: true, 'aria-pressed': 'false', title: t('captionsOwn'), click: () => (running ? stop() : start()) }, icon(ICONS.captions), words);
    let running;
    const stop = () => {
        const recognition = running;
        running = undefined;
        recognition?.stop();
        button.setAttribute('aria-pressed', 'false');
        say(words, t('captionsOn'));
    };
    const start = async () => {
        if (!(await canRecognise(language))) return tell(t('captionsFailed'), 'warn');
        const recognition = new (Recognition())();
        Object.assign(recognition, { lang: language, continuous: true, interimResults: true, processLocally: true });
        recognition.onresult = ({ results, resultIndex }) => {
            for (let i = resultIndex; i < results.length; i++) if (!call.shown.muted) call.caption(results[i][0].transcript, results[i].isFinal);
        };
        recognition.onerror = () => tell(t('captionsFailed'), 'warn');
        recognition.onend = () => running === recognition && stop();
        running = recognition;
        recognition.start();
        button.setAttribute('aria-pressed', 'true');
        return say(words, t('captionsOff'));
    };
    call.addEventListener('call', () => !call.joined && running && stop());
    canRecognise(language).then((can) => (button.hidden = !can));
    return button;
}

// SPDX-License-Identifier: MIT
//
// How loud somebody is, 0 to 1, of the newest 20 ms. One audio context serves all; it sleeps until the person has touched the page.
const SPEAKING = 0.06;
/** @type {AudioContext | undefined} */ let context;

export const audioContext = () => {
    context ??= new AudioContext();
    if (context.state === 'suspended') context.resume().catch(() => {});
    return context;
};

/** @param {MediaStream} stream with sound @returns {{ level: () => number, speaking: () => boolean, close: () => void }} */
export function measure(stream) {
    const source = audioContext().createMediaStreamSource(stream);
    const analyser = audioContext().createAnalyser();
    analyser.fftSize = 1024;
    const samples = new Float32Array(analyser.fftSize);
    source.connect(analyser);
    let held = 0;
    const level = () => {
        analyser.getFloatTimeDomainData(samples);
        let sum = 0;
        for (const sample of samples) sum += sample * sample;
        return Math.min(1, Math.sqrt(sum / samples.length) * 4);
    };
    return { level, speaking: () => {
        held = level() > SPEAKING ? 8 : Math.max(0, held - 1); // pauses between words do not count
        return held > 0;
    }, close: () => source.disconnect() };
}

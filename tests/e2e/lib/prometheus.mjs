// SPDX-License-Identifier: MIT
//
// Prometheus's text format 0.0.4, read strictly: what promtool refuses or warns of is an error here too. Returns the
// samples as a map from `name{label="value"}` to its number.
import assert from 'node:assert/strict';

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\[\\\\"n])*"';
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(${LABEL}(?:,${LABEL})*)\\})? (\\S+)$`);
const SUFFIXES = ['_bucket', '_sum', '_count'];

function number(text) {
    if (text === '+Inf') return Infinity;
    assert.match(text, /^-?\d+(\.\d+)?(e[+-]?\d+)?$/, `not a number: ${text}`);
    return Number(text);
}

function checkHistogram(name, samples) {
    let last = -1;
    let bound = -Infinity;
    for (const { key, value } of samples.filter((s) => s.name === `${name}_bucket`)) {
        const le = number(/le="([^"]+)"/.exec(key)[1]);
        assert.ok(le > bound && value >= last, `${key} is out of order`);
        [bound, last] = [le, value];
    }
    assert.equal(bound, Infinity, `${name} has no +Inf bucket`);
    assert.equal(samples.find((s) => s.name === `${name}_count`)?.value, last, `${name}_count`);
    assert.ok(samples.find((s) => s.name === `${name}_sum`), `${name}_sum`);
}

export function parseMetrics(text) {
    assert.ok(text.endsWith('\n'), 'the last line has no end');
    const all = new Map();
    const seen = new Set();
    let family = null;
    const finish = () => {
        if (!family) return;
        assert.ok(family.samples.length > 0, `${family.name} has no sample`);
        if (family.type === 'histogram') checkHistogram(family.name, family.samples);
    };
    for (const line of text.slice(0, -1).split('\n')) {
        const help = new RegExp(`^# HELP (${NAME}) (\\S.*)$`).exec(line);
        const type = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram)$`).exec(line);
        const sample = SAMPLE.exec(line);
        if (help) {
            finish();
            assert.ok(!seen.has(help[1]), `${help[1]} comes twice`);
            seen.add(help[1]);
            family = { name: help[1], type: null, samples: [] };
        } else if (type) {
            assert.equal(type[1], family?.name, 'TYPE follows HELP');
            assert.equal(type[2] === 'counter', type[1].endsWith('_total'), `${type[1]} is a ${type[2]}`);
            family.type = type[2];
        } else {
            assert.ok(sample && family?.type, `not a sample: ${line}`);
            const [, name, labels, value] = sample;
            const suffix = family.type === 'histogram' ? SUFFIXES.find((s) => name === family.name + s) : '';
            assert.ok(suffix !== undefined && name === family.name + suffix, `${name} stands under ${family.name}`);
            const key = labels ? `${name}{${labels}}` : name;
            assert.ok(!all.has(key), `${key} comes twice`);
            all.set(key, number(value));
            family.samples.push({ name, key, value: number(value) });
        }
    }
    finish();
    return all;
}

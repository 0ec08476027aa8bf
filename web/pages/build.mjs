// SPDX-License-Identifier: MIT
//
// Makes the folder that the daemon serves out of the sources of the page: no bundler, each module stays a file.
//
//     node web/pages/build.mjs OUT FOLDER...
//
// FOLDERs (web/pages, web/host, and where usher.wasm was built) are one name space of modules, style sheets, pictures and WebAssembly. Each becomes
// assets/NAME.HASH.EXT, where HASH is of its content with the references in it already rewritten: same name, same content, so a browser keeps it for ever.
// Pages, the service worker and the manifest keep their names. All of it is compressed beside itself, and the same input makes the same bytes.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, mkdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const KEEP_NAMES = ['sw.js', 'manifest.webmanifest'];
const ASSETS = /\.(js|css|svg|wasm)$/;
const TEXTS = /\.(js|css|svg|html|webmanifest)$/;
// What one file says of another: import and export from, import(), new URL(…, import.meta.url); url() of a style sheet.
const IN_SCRIPT = /\/\*\*[^]*?\*\/|^\s*\/\/.*$|(\bfrom\s*|\bimport\s*\(?\s*|new URL\(\s*)(['"])(?:\.{1,2}\/)(?:[\w-]+\/)*([\w.-]+)\2/gm; // comments are skipped: types name modules too
const IN_STYLE = /(url\(\s*)(['"]?)([\w.-]+)\2(?=\s*\))/g;
const IN_PAGE = /(\b(?:href|src)=)(")(?:[\w-]+\/)*([\w.-]+)"/g;

class BuildError extends Error {}

function readFolders(folders) {
    const files = new Map(); // by name: { name, bytes, at }
    for (const folder of folders) {
        for (const name of readdirSync(folder).sort()) {
            const at = path.join(folder, name);
            if (!statSync(at).isFile() || !(ASSETS.test(name) || TEXTS.test(name))) continue;
            if (files.has(name)) throw new BuildError(`${at} and ${files.get(name).at} have one name: rename one of them`);
            files.set(name, { name, at, bytes: readFileSync(at) });
        }
    }
    return files;
}

// The names of the files that this one refers to, and its text with each replaced by what `to` says.
function references(file, to = (name) => name) {
    const pattern = file.name.endsWith('.css') ? IN_STYLE : file.name.endsWith('.html') ? IN_PAGE : IN_SCRIPT;
    const names = [];
    const text = file.bytes.toString('utf8').replace(pattern, (whole, before, quote, name) => {
        const put = name && to(name, before);
        if (put === undefined) return whole;
        names.push(name);
        return `${before}${quote}${put}${quote}`;
    });
    return { names, text };
}

const hashOf = (bytes) => createHash('sha256').update(bytes).digest('hex').slice(0, 16);

// Gives each asset its name and final bytes, those that it refers to first.
function nameAssets(files) {
    const under = [];
    const visit = (file) => {
        if (file.out) return file.out;
        if (under.includes(file)) throw new BuildError(`${[...under, file].map(({ name }) => name).join(' imports ')}: a hash cannot be in itself; break the circle`);
        under.push(file);
        if (TEXTS.test(file.name)) {
            file.uses = new Set();
            const { text } = references(file, (name, before) => {
                const other = files.get(name);
                if (!other) throw new BuildError(`${file.at} refers to ${name}, which is in none of the folders`);
                if (!ASSETS.test(name) || KEEP_NAMES.includes(name)) return undefined;
                if (!before.includes('(') || name.endsWith('.wasm')) file.uses.add(name); // what is imported when it is needed, and workers, wait
                return (file.name.endsWith('.css') ? '' : './') + path.basename(visit(other));
            });
            file.bytes = Buffer.from(text);
        }
        under.pop();
        const { name, ext } = path.parse(file.name);
        return (file.out = `assets/${name}.${hashOf(file.bytes)}${ext}`);
    };
    for (const file of files.values()) if (ASSETS.test(file.name) && !KEEP_NAMES.includes(file.name)) visit(file);
}

// The modules that a page loads before it runs, and the WebAssembly that they fetch: named at its top, they come at once instead of one after the other.
function preloads(files, entries) {
    const seen = new Set();
    const visit = (name) => {
        if (seen.has(name)) return;
        seen.add(name);
        for (const other of files.get(name).uses ?? []) visit(other);
    };
    entries.forEach(visit);
    return [...seen];
}

function preloadLines(names, files, up) {
    return names.map((name) => {
        const href = up + files.get(name).out;
        return name.endsWith('.wasm') ? `<link rel="preload" href="${href}" as="fetch" crossorigin>` : name.endsWith('.js') ? `<link rel="modulepreload" href="${href}">` : '';
    }).filter(Boolean).join('\n    ');
}

// A page at /room/ID is one folder below the assets.
function writePage(file, files) {
    const up = file.name === 'room.html' ? '../' : '';
    const entries = [];
    const { text } = references(file, (name) => {
        const other = files.get(name);
        if (!other) throw new BuildError(`${file.at} refers to ${name}, which is in none of the folders`);
        if (name.endsWith('.js')) entries.push(name);
        return up + (other.out ?? name);
    });
    return text.replace('<!-- preload -->', preloadLines(preloads(files, entries), files, up));
}

function writeOut(out, name, content, made) {
    const bytes = Buffer.from(content);
    const at = path.join(out, name);
    const write = (to, what) => {
        writeFileSync(to, what);
        utimesSync(to, made, made); // of the same age: a copy that is older than its original is not served
    };
    write(at, bytes);
    if (!TEXTS.test(name) && !name.endsWith('.wasm')) return;
    write(`${at}.gz`, gzipSync(bytes, { level: 9 }));
    write(`${at}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }));
}

// The service worker keeps the shell: it is told its files, and one version for them all.
function workerText(text, pages, assets) {
    const shell = [...pages.map(([name, content]) => [name, hashOf(content)]), ...assets.map((name) => [name, ''])];
    const version = hashOf(JSON.stringify(shell));
    return text.replace('/* SHELL */ []', JSON.stringify(shell.map(([name]) => name))).replace("/* VERSION */ 'unbuilt'", `'${version}'`);
}

export function build(out, folders, made = new Date()) {
    const files = readFolders(folders);
    nameAssets(files);
    rmSync(out, { recursive: true, force: true });
    mkdirSync(path.join(out, 'assets'), { recursive: true });
    const assets = [...files.values()].filter((file) => file.out);
    const pages = [...files.values()].filter(({ name }) => name.endsWith('.html')).map((file) => [file.name, writePage(file, files)]);
    for (const file of assets) writeOut(out, file.out, file.bytes, made);
    for (const [name, content] of pages) writeOut(out, name, content, made);
    for (const name of KEEP_NAMES) {
        const file = files.get(name);
        if (!file) continue;
        const text = name === 'sw.js' ? workerText(file.bytes.toString('utf8'), pages, assets.map((asset) => asset.out)) :
            file.bytes.toString('utf8').replace(/"src": "([\w.-]+)"/g, (whole, icon) => `"src": "${files.get(icon)?.out ?? icon}"`);
        writeOut(out, name, text, made);
    }
    return files;
}

if (import.meta.filename === path.resolve(process.argv[1] ?? '') || process.argv[1]?.endsWith('web/pages/build.mjs')) {
    const [out, ...folders] = process.argv.slice(2);
    try {
        if (folders.length === 0) throw new BuildError('usage: node web/pages/build.mjs OUT FOLDER...');
        const made = process.env.SOURCE_DATE_EPOCH ? new Date(process.env.SOURCE_DATE_EPOCH * 1000) : new Date();
        build(out, folders.filter((folder) => statSync(folder, { throwIfNoEntry: false })?.isDirectory()), made);
    } catch (error) {
        if (!(error instanceof BuildError)) throw error;
        console.error(`web/pages/build.mjs: ${error.message}`);
        process.exit(1);
    }
}

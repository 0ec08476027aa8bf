// SPDX-License-Identifier: MIT
//
// Real nginx, haproxy and Caddy with the very files of conf/proxy: only names, ports and paths are put into them, and
// an alternative that a file shows behind a # is taken in place of the line that stands there.
import net from 'node:net';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { root } from './daemon.mjs';
import { scratch } from './peer.mjs';
import { freePorts, startProgram } from './program.mjs';

const TRIES = 3;

// Every pair [from, to]; a text that is not there, or twice, is no longer what the file says.
function edit(text, pairs) {
    for (const [from, to] of pairs) {
        if (text.split(from).length !== 2) throw new Error(`the file does not say "${from}" once:\n${text}`);
        text = text.replace(from, () => to);
    }
    return text;
}
const shipped = (name) => readFile(path.join(root, 'conf/proxy', name), 'utf8');

const NGINX_TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];

async function nginx({ dir, tls, edits = [], upstream }) {
    const [http, https] = await freePorts(2);
    const main = path.join(dir, 'main.conf');
    const taken = upstream.unix
        ? [['#server unix:/run/usherd.sock;', `server unix:${upstream.unix};`], ['    server 127.0.0.1:4000;\n', '']]
        : [['server 127.0.0.1:4000;', `server 127.0.0.1:${upstream.port};`]];
    await writeFile(path.join(dir, 'usherd.conf'), edit(await shipped('nginx.conf'), [
        ...taken,
        ['listen 80;', `listen 127.0.0.1:${http};`], ['listen [::]:80;', ''],
        ['listen 443 ssl;', `listen 127.0.0.1:${https} ssl;`], ['listen [::]:443 ssl;', ''],
        ['/etc/ssl/usherd/certificate.pem', tls.certificate], ['/etc/ssl/usherd/key.pem', tls.key],
        ...edits,
    ]));
    await writeFile(main, [
        'daemon off;', 'master_process off;', `pid ${dir}/nginx.pid;`, 'error_log stderr notice;', 'events { worker_connections 256; }',
        'http {', 'access_log off;', ...NGINX_TEMPORARY.map((what) => `${what}_temp_path ${dir}/${what};`),
        `include ${dir}/usherd.conf;`, '}', '',
    ].join('\n'));
    const proxy = startProgram('nginx', ['-p', dir, '-e', 'stderr', '-c', main], { dir });
    await proxy.logged(/using the "\w+" event method/);
    return Object.assign(proxy, { http, https });
}

// It inherits sockets that listen already, so no port of its can be taken.
async function haproxy({ dir, tls, edits = [], upstream }) {
    const conf = path.join(dir, 'haproxy.cfg');
    const pem = path.join(dir, 'both.pem');
    const fronts = [0, 0].map(() => net.createServer().listen(0, '127.0.0.1'));
    await Promise.all(fronts.map((front) => once(front, 'listening')));
    const line = '    server usherd 127.0.0.1:4000 check\n';
    const taken = {
        port: [['127.0.0.1:4000', `127.0.0.1:${upstream.port}`]],
        unix: [[line, ''], ['#server usherd unix@/run/usherd.sock', `server usherd unix@${upstream.unix}`]],
        proxied: [[line, ''], ['#server usherd 127.0.0.1:4001', `server usherd 127.0.0.1:${upstream.proxied}`]],
    };
    await writeFile(pem, Buffer.concat([await readFile(tls.certificate), await readFile(tls.key)]));
    await writeFile(conf, edit(await shipped('haproxy.cfg'), [
        ...taken[Object.keys(upstream)[0]],
        ['bind :::80 v4v6', 'bind fd@3'], ['bind :::443 v4v6', 'bind fd@4'], ['/etc/haproxy/usherd.pem', pem], ...edits,
    ]));
    const proxy = startProgram('haproxy', ['-db', '-f', conf], { dir, descriptors: fronts.map((front) => front._handle.fd) });
    const [http, https] = fronts.map((front) => front.address().port);
    for (const front of fronts) front.close();
    return Object.assign(proxy, { http, https });
}

async function caddy({ dir, tls, edits = [], upstream }) {
    const [http, https] = await freePorts(2);
    const conf = path.join(dir, 'Caddyfile');
    const taken = upstream.unix
        ? [['#reverse_proxy unix//run/usherd.sock', `reverse_proxy unix/${upstream.unix}`], ['\treverse_proxy {$UPSTREAM:127.0.0.1:4000}\n', '']]
        : [];
    const global = [
        'admin off', `storage file_system ${dir}/storage`, `http_port ${http}`, `https_port ${https}`, 'default_bind 127.0.0.1',
    ];
    await writeFile(conf, `{\n${global.map((one) => `\t${one}\n`).join('')}}\n${edit(await shipped('Caddyfile'), [
        ...taken,
        ['#tls /etc/caddy/certificate.pem /etc/caddy/key.pem', `tls ${tls.certificate} ${tls.key}`], ...edits,
    ])}`);
    const env = { SITE: 'localhost', XDG_CONFIG_HOME: dir, XDG_DATA_HOME: dir, UPSTREAM: upstream.port ? `127.0.0.1:${upstream.port}` : '' };
    const proxy = startProgram('caddy', ['run', '--config', conf, '--adapter', 'caddyfile'], { dir, env });
    await proxy.logged(/serving initial configuration/);
    return Object.assign(proxy, { http, https });
}

const KINDS = { nginx, haproxy, caddy };

// A Program with { http, https }: its ports. upstream: one of { port }, { unix } and, of haproxy, { proxied }, a port too.
// edits: further changes of the file.
export async function startReverseProxy(kind, { tls, upstream, edits }) {
    for (let left = TRIES - 1; ; left--) {
        const dir = path.join(await scratch(), kind);
        await mkdir(dir);
        try {
            return await KINDS[kind]({ dir, tls, upstream, edits });
        } catch (error) {
            if (left === 0 || !/in use/.test(error.message)) throw error;
        }
    }
}

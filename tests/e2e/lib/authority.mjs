// SPDX-License-Identifier: MIT
//
// A certificate authority that lives as long as the test, and certificates that it signs, by openssl.
import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { scratch } from './peer.mjs';

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
const HERE = 'subjectAltName=IP:127.0.0.1,IP:::1,DNS:localhost';

export async function makeAuthority() {
    const dir = await scratch();
    const at = (name) => path.join(dir, name);
    const openssl = (...args) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
    openssl('req', '-x509', ...NEW_KEY, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=test', '-days', '60');
    return {
        at,
        openssl,
        file: at('ca.pem'),
        ca: await readFile(at('ca.pem')),
        // { certificate, key }: files called after the name that the certificate carries.
        // days: how long it is good.
        async issue(name, names = HERE, days = 30) {
            openssl('req', '-new', ...NEW_KEY, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
            await writeFile(at('names'), names);
            openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', `${days}`,
                '-extfile', 'names', '-out', `${name}.pem`);
            return { certificate: at(`${name}.pem`), key: at(`${name}.key`) };
        },
        // The same, good until that moment, a Date; `openssl x509` knows whole days only.
        async issueUntil(name, end) {
            openssl('req', '-new', ...NEW_KEY, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
            await writeFile(at('names'), HERE);
            await writeFile(at('index'), '');
            await writeFile(at('ca.cnf'), `[ca]\ndefault_ca = c\n[c]\ndatabase = ${at('index')}\nnew_certs_dir = ${dir}\nrand_serial = yes\n` +
                'default_md = sha256\npolicy = p\n[p]\ncommonName = supplied\n');
            const time = end.toISOString().replace(/[-:T]|\.\d+/g, '');
            openssl('ca', '-config', 'ca.cnf', '-batch', '-notext', '-in', `${name}.csr`, '-out', `${name}.pem`, '-cert', 'ca.pem', '-keyfile', 'ca.key',
                '-startdate', '20200101000000Z', '-enddate', time, '-extfile', 'names');
            return { certificate: at(`${name}.pem`), key: at(`${name}.key`) };
        },
    };
}

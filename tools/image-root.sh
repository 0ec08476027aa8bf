#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Lays out the root of the daemon's image (Dockerfile): the program, the shared libraries that it and the event loop
# plugin of libwebsockets load, certificates of authorities, and a user. Of each Debian package that a library is from also the licence and the
# entry that scanners look for.                                           usage: tools/image-root.sh USHERD ROOT
set -eu
program=$1
root=$2
user=65532

plugin=$(dpkg -L libwebsockets-evlib-uv | grep '/libwebsockets-evlib_uv\.so$')
loaded=$(ldd "$program" "$plugin")
if grep 'not found' <<<"$loaded" >&2; then exit 1; fi
libraries=$(sed -nE 's/^\s+([^ ]+ => )?(\/[^ ]+) \(0x[0-9a-f]+\)$/\2/p' <<<"$loaded" | sort -u)

mkdir -p "$root/usr/bin" "$root/usr/lib" "$root/usr/lib64" "$root/etc" "$root/var/lib/dpkg/status.d" "$root/usr/share/doc/usherd"
ln -s usr/lib usr/lib64 "$root"
install -m 755 "$program" "$root/usr/bin/usherd"
install -m 644 LICENSE "$root/usr/share/doc/usherd/copyright"
echo "usherd:x:$user:$user::/var/lib/usherd:/nonexistent" >"$root/etc/passwd"
echo "usherd:x:$user:" >"$root/etc/group"

# The authorities that receivers of webhooks are checked against, where OpenSSL looks for them.
install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$root/usr/lib/ssl/cert.pem"

# Each under the name that it is loaded by.
for file in $libraries "$plugin"; do
    install -D -m 755 "$(realpath "$file")" "$root$file"
    realpath "$file"
done | while read -r file; do
    # dpkg knows a file by its name of before /lib became /usr/lib, or of after.
    dpkg -S "$file" 2>/dev/null || dpkg -S "${file#/usr}"
done | cut -d: -f1 | cat - <(echo ca-certificates) | sort -u | while read -r package; do
    dpkg-query -s "$package" >"$root/var/lib/dpkg/status.d/$package"
    install -D -m 644 "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/copyright"
done

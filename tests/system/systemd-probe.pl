#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# Runs in place of the daemon, under the lines of its unit, and tries what its sandbox must not let it: one line each,
# "NAME: done" or "NAME: " and the reason.
use strict;
use warnings;
use Socket;
use POSIX ();

$| = 1;
sub said { my ($name, $done) = @_; print "$name: ", $done ? 'done' : "$!", "\n"; }
sub writes { my ($name, $path) = @_; said($name, open(my $f, '>', $path) && unlink($path)); }

my %call = (POSIX::uname())[4] eq 'aarch64'
    ? (mmap => 222, unshare => 97, mount => 40, clock_settime => 112, ptrace => 117, keyctl => 219, bpf => 280)
    : (mmap => 9, unshare => 272, mount => 165, clock_settime => 227, ptrace => 101, keyctl => 250, bpf => 321);
sub calls { my ($name, @arguments) = @_; my $r = syscall($call{$name}, @arguments); said($name, $r != -1); }

writes('write /etc', '/etc/usherd/probe');
writes('write /usr', '/usr/bin/probe');
writes('write /var/lib', '/var/lib/probe');
writes('write state', "$ENV{STATE_DIRECTORY}/probe");
writes('write runtime', "$ENV{RUNTIME_DIRECTORY}/probe");
said('read /root', opendir(my $home, '/root'));
said('read the daemon\'s memory', open(my $memory, '<', '/proc/1/environ'));
said('see other processes', -d '/proc/1');
said('see all of /dev', -e '/dev/usherd-probe');
said('packet socket', socket(my $p, 17, SOCK_RAW, 0));
said('netlink socket', socket(my $n, 16, SOCK_RAW, 0));
said('internet socket', socket(my $i, AF_INET6, SOCK_STREAM, 0));
socket(my $low, AF_INET, SOCK_STREAM, 0);
said('port below 1024', bind($low, sockaddr_in(80, INADDR_LOOPBACK)));
calls('mmap', 0, 4096, 7, 0x22, -1, 0);
calls('mount', 'none', '/mnt', 'tmpfs', 0, 0);
calls('clock_settime', 0, pack('qq', 0, -1)); # no time that anybody would set
calls('ptrace', 0x4206, 1, 0, 0); # to watch, without stopping it
calls('keyctl', 0, -3, 0);
calls('bpf', 0, 0, 0);
open(my $file, '>', "$ENV{STATE_DIRECTORY}/probe");
said('setuid bit', chmod(04755, "$ENV{STATE_DIRECTORY}/probe"));
unlink("$ENV{STATE_DIRECTORY}/probe");
said('become root', POSIX::setuid(0));
calls('unshare', 0x10000000); # last: whoever may do it is somebody else afterwards

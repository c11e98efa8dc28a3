#!/usr/bin/perl
# The log when its disk is full, and on which side of a command it is written: what cannot
# be recorded is not commanded, and everything else goes on.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Raw104;
use Test::More;
use Time::HiRes qw(time);

my $root = $> == 0;
my $pki  = pki();

sub verify {
    my ($dir) = @_;
    my ($status, $out, $err) = run_command([ bin('gate104'), 'log', 'verify', "$dir/log" ]);
    is($status, 0, 'the log verifies') or diag $out, $err;
    is(join("\n", log_faults($dir)), '', 'its chain holds');
}

# ---- a record comes before its command ----

subtest 'on disk before the RTU sees it' => sub {
    my $listener = Raw104->listener;
    my $g = start_route({ mode => 'protect-rtu', rtu => ["127.0.0.1:$listener->{port}"] });
    my $m = Raw104->connect_tls($g->{port}, $pki);
    $m->send($Raw104::STARTDT_ACT);
    my $s = Raw104->accept($listener);
    $s->started && $m->until_apdu($Raw104::STARTDT_CON) or return fail('no session');
    my $late = 0;
    for my $n (0 .. 49) {
        # Each its own, so that each record can be told.
        my $command = '2d0106000100' . sprintf('%02x', 0xe9 + $n % 20) . '0300' . sprintf '%02x', $n & 1;
        $m->send($m->i($command));
        $s->until_apdu($command) or return fail("command $n did not arrive");
        my $file = slurp("$g->{dir}/log/gate104.jsonl");
        my @told = $file =~ /"event":"op\.command"[^\n]*"apdu":"680e[0-9a-f]{8}$command"[^\n]*\n/g;
        $late++ if @told < 1 + int($n / 20);
        my $con = $command =~ s/^2d0106/2d0107/r;
        $s->send($s->i($con));
        $m->until_apdu($con) or return fail("answer $n did not arrive");
        $m->send($m->ack);
    }
    is($late, 0, 'fifty commands, and each was in the file when the RTU got it');
    is(stop_process($g->{gate}, 'TERM'), 0, 'clean stop');
    verify($g->{dir});
};

# ---- a log folder that will not do ----

subtest 'a log folder that cannot be written' => sub {
    my $dir = write_config(routes => [ { name => 'r', mode => 'protect-rtu', listen => [ '127.0.0.1:' . free_port() ], rtu => ['127.0.0.1:1'] } ]);
    my $try = sub {
        my ($what, $re, $log) = @_;
        my $conf = slurp("$dir/gate104.conf");
        spew("$dir/bad.conf", $conf =~ s/\Q$dir\E\/log/$log/r) if $log;
        my ($status, $out, $err) = run_command([ bin('gate104d'), '-c', $log ? "$dir/bad.conf" : "$dir/gate104.conf" ]);
        is($status, 1, "$what: it does not start");
        like($err, $re, "$what: and says so");
        unlike($err, qr/: ready/, "$what: nor does it say that it is ready");
    };
    $try->('a folder in no folder', qr{audit\.dir: cannot use "$dir/none": No such file or directory; create}, "$dir/none/log");
    spew("$dir/file", '');
    $try->('a file', qr{audit\.dir: "$dir/file" is not a folder; name}, "$dir/file");
    chmod 0777, "$dir/log";
    $try->('a folder for all', qr{audit\.dir: everybody may write to "$dir/log"; chmod 0700});
    chmod 0700, "$dir/log";
SKIP: {
        skip 'root may write everywhere', 3 if $root;
        chmod 0500, "$dir/log";
        $try->('a folder that may only be read', qr{audit\.dir: "$dir/log" is not writable; chown});
        chmod 0700, "$dir/log";
    }
};

# ---- a full disk ----

sub answer {
    my ($m) = @_;
    $m->send($m->ack, $m->i($Raw104::SINGLE_ON));
    my $end = time + 8;
    while (time < $end) {
        my $apdu = $m->next_apdu(8) // return 'none';
        return 'end' if $apdu eq 'end';
        next if hex(substr $apdu, 4, 2) & 1;
        $m->send($m->ack);
        my $asdu = substr $apdu, 12;
        return 'con' if $asdu eq $Raw104::SINGLE_CON;
        return 'neg' if $asdu eq $Raw104::SINGLE_NEG;
    }
    return 'none';
}

# Acknowledges what comes; true if n events came.
sub flows {
    my ($m, $n) = @_;
    while ($n > 0) {
        my $apdu = $m->next_apdu(8) // return 0;
        return 0 if $apdu eq 'end';
        next if hex(substr $apdu, 4, 2) & 1;
        $m->send($m->ack);
        $n-- if substr($apdu, 12, 2) eq '21';
    }
    return 1;
}

sub commands_at { my ($rtu) = @_; return scalar grep { /^2d0106/ } asdus_received(json_lines(slurp($rtu->{out}))) }

my @disks;

# Its own file system for the log; gives its folder, and why there is none.
sub small_disk {
    my ($size) = @_;
    return (undef, 'needs root') if !$root;
    my $disk = scratch();
    my ($status, undef, $err) = run_command([ 'mount', '-t', 'tmpfs', '-o', "size=$size", 'gate104-test', $disk ]);
    return (undef, "no small file system here: $err") if $status != 0;
    push @disks, $disk;
    mkdir "$disk/log", 0700;
    chown((getpwnam 'nobody')[2, 3], "$disk/log");
    return $disk;
}

END {
    local $?;
    system 'umount', '-l', $_ for @disks;
}

# A gate104 with its log on that disk (or none of its own), an RTU behind it and a master
# in front.
sub start_on {
    my ($disk, $audit, %route) = @_;
    my $rtu  = start_rtu('--rate', 20, '--event-types', 33, '--t1', 120);
    my $port = free_port();
    my $dir  = write_config(audit => $audit, routes => [ { name => 'r', mode => 'protect-rtu', listen => ["127.0.0.1:$port"], rtu => ["127.0.0.1:$rtu->{port}"], %route } ]);
    if ($disk) {
        rmdir "$dir/log";
        symlink "$disk/log", "$dir/log";
    }
    my $gate = start_gate104($dir);
    my $m = Raw104->connect_tls($port, $pki);
    ok($m->start, 'a session');
    is(answer($m), 'con', 'a command');
    return ($rtu, $port, $dir, $gate, $m);
}

# Fills what is left of the disk to so many percent of it, or to the last octet.
sub fill {
    my ($disk, $percent) = @_;
    open my $ballast, '>>', "$disk/ballast" or die $!;
    if (defined $percent) {
        my ($blocks, $free) = used($disk);
        my $more = int($blocks * $percent / 100) - ($blocks - $free);
        syswrite $ballast, 'x' x 4096 for 1 .. $more;
        return;
    }
    1 while syswrite $ballast, 'x' x 1024;
    1 while syswrite $ballast, 'x';
}

sub used {
    my ($disk) = @_;
    my ($status, $out) = run_command([ 'stat', '-f', '-c', '%b %f', $disk ]);
    return split ' ', $out;
}

sub is_told {
    my ($dir, $event, $why, $what) = @_;
    ok(wait_record($dir, { event => $event, why => $why }), $what);
}

SKIP: {
    my ($disk, $why) = small_disk('2m');
    skip $why, 1 if !$disk;
    subtest 'a disk that fills up, with a reserve' => sub {
        my ($rtu, $port, $dir, $gate, $m) = start_on($disk, 'reserve = "64K"; ', record_points => 'all');
        ok(wait_record($dir, { event => 'point.value' }), 'values are recorded');
        fill($disk, 82);
        is_told($dir, 'log.disk-filling', 'disk-80', '80 %: an alarm');
        is(answer($m), 'con', 'and nothing else');
        fill($disk, 92);
        is_told($dir, 'log.disk-filling', 'disk-90', '90 %: an alarm');
        is(answer($m), 'con', 'and commands pass');
        ok(flows($m, 30), 'data goes on');
        is_told($dir, 'log.thinned', 'disk', 'values are counted only');
        fill($disk, 97);
        is_told($dir, 'log.disk-filling', 'disk-95', '95 %: an alarm');
        is(wait_until(sub { answer($m) eq 'neg' }), 1, 'and commands are refused');
        my $done = commands_at($rtu);
        ok(wait_for_text($gate->{err}, qr/^audit-0: ALARM: the disk of the log is full to 9\d %: commands are refused/m), 'the operator is told');
        fill($disk);
        is((used($disk))[1], 0, 'full to the last block');
        my $refused = grep { $_->{event} eq 'policy.refused' } records($dir);
        is(answer($m), 'neg', 'commands are refused') for 1 .. 35;
        ok(wait_until(sub { grep({ $_->{event} eq 'policy.refused' } records($dir)) >= $refused + 35 }), 'and each refusal is recorded, in the reserve');
        is_told($dir, 'log.disk-filling', 'reserve', 'that it is in use, too');
        my ($status, $out) = run_command([ bin('gate104'), '-s', "$dir/run/control", 'status' ]);
        like($out, qr/disk 100 % full \(monitor-only\), 1 files, .* reserve used, \d+ KiB left/, 'status shows it');
        ok(flows($m, 30), 'data goes on');
        is(commands_at($rtu), $done, 'the RTU has seen none of the commands');

        unlink "$disk/ballast";
        is(wait_until(sub { answer($m) eq 'con' }), 1, 'when there is room again commands pass, by themselves');
        is_told($dir, 'log.disk-room', 'disk-95', 'and the log says so');
        ok(wait_for_text($gate->{err}, qr/^audit-0: the disk of the log is full to \d+ %: all is recorded/m), 'and the operator is told');
        ok(wait_until(sub { (run_command([ bin('gate104'), '-s', "$dir/run/control", 'status' ]))[1] =~ /\(room\).* reserve whole, \d+ KiB left/ }), 'status shows it');
        $m->close;
        wait_record($dir, { event => 'session.close' });
        is(stop_process($gate, 'TERM'), 0, 'clean stop');
        verify($dir);
        is(scalar(grep { $_->{event} eq 'log.gap' } records($dir)), 0, 'nothing was lost');
    };
}

SKIP: {
    my ($disk, $why) = small_disk('256k');
    skip $why, 1 if !$disk;
    subtest 'a full disk without a reserve' => sub {
        my ($rtu, $port, $dir, $gate, $m) = start_on($disk, 'reserve = "0"; ');
        fill($disk);
        my @answers;
        wait_until(sub { push @answers, answer($m); $answers[-1] ne 'con' });
        my $done = commands_at($rtu);
        is($answers[-1], 'neg', 'a command that cannot be recorded is refused, with an answer');
        is(answer($m), 'neg', 'and so is each after it') for 1 .. 3;
        ok(flows($m, 30), 'data goes on');
        is(commands_at($rtu), $done, 'the RTU has seen none of them');
        ok(wait_for_text($gate->{err}, qr/^gate-0: ALARM: .*commands are refused \(monitor-only\)$/m), 'the operator is told');
        my $more = Raw104->connect_tls($port, $pki);
        ok($more && $more->start, 'a session can begin without a log, to see what there is');
        is(answer($more), 'neg', 'but not to command');
        $more->close;

        unlink "$disk/ballast";
        is(wait_until(sub { answer($m) eq 'con' }), 1, 'when there is room again commands pass, by themselves');
        ok(wait_for_text($gate->{err}, qr/^gate-0: the log works again/m), 'and the operator is told');
        is(answer($m), 'con', 'and go on passing');
        my $passed = commands_at($rtu);
        $m->close;
        wait_record($dir, { event => 'session.close' });
        is(stop_process($gate, 'TERM'), 0, 'clean stop');
        verify($dir);
        my @log = records($dir);
        my ($gap) = grep { $_->{event} eq 'log.gap' } @log;
        ok($gap, 'the log has a record of the gap');
        cmp_ok($gap->{count}, '>=', 1, 'with how many are missing') if $gap;
        ok((grep { $_->{event} eq 'log.monitor-only-on' } @log), 'and of the alarm') or diag explain [ map { $_->{event} } @log ];
        ok((grep { $_->{event} eq 'log.monitor-only-off' } @log), 'and of its end');
        my %command = map { $_->{apdu} => 1 } grep { $_->{event} eq 'op.command' } @log;
        cmp_ok(scalar keys %command, '>=', $passed, 'every command that passed is there');
    };
}

sub connections { my ($rtu) = @_; return scalar grep { $_->{event} eq 'connected' } json_lines(slurp($rtu->{out})) }

# A master that tries until it has a session again.
sub session_again {
    my ($port) = @_;
    my $m;
    wait_until(sub { $m = Raw104->connect_tls($port, $pki); $m && $m->start ? 1 : do { $m->close if $m; 0 } });
    return $m;
}

SKIP: {
    my ($disk, $why) = small_disk('2m');
    skip $why, 1 if !$disk;
    subtest 'a full disk where nothing shall pass without a record' => sub {
        my ($rtu, $port, $dir, $gate, $m) = start_on($disk, 'reserve = "64K"; on_failure = "close"; ');
        fill($disk, 92);
        is_told($dir, 'log.disk-filling', 'disk-90', '90 %: an alarm');
        is(answer($m), 'con', 'and sessions stay');
        fill($disk, 97);
        ok($m->ended, '95 %: the session ends');
        is_told($dir, 'session.close', 'log-unavailable', 'and the log says why');
        my $connected = connections($rtu);
        my $more = Raw104->connect_tls($port, $pki);
        ok(!$more || $more->ended, 'so does a new one');
        is(connections($rtu), $connected, 'before the RTU is dialled');
        my ($status, $out) = run_command([ bin('gate104'), '-s', "$dir/run/control", 'status', '--json' ]);
        like($out, qr/"on_failure": "close"/, 'status shows what is configured');
        unlink "$disk/ballast";
        my $again = session_again($port);
        ok($again, 'when there is room again sessions begin');
        is(answer($again), 'con', 'and commands pass') if $again;
        is(stop_process($gate, 'TERM'), 0, 'clean stop');
        verify($dir);
    };
}

# A file system that the kernel makes read-only under open files, when it is told that it is
# broken; gives folder, image and device.
sub breakable_disk {
    return (undef, 'needs root') if !$root;
    my $image = scratch() . '/image';
    my $disk = scratch();
    my ($status, $out, $err) = run_command([ 'sh', '-c', "truncate -s 16M $image && mkfs.ext4 -q -F $image && mount -o loop,errors=remount-ro $image $disk" ]);
    return (undef, "no ext4 on a loop device here: $err") if $status != 0;
    push @disks, $disk;
    my ($device) = map { m{^/dev/(loop\d+) \Q$disk\E } ? $1 : () } split /\n/, slurp('/proc/mounts');
    my $trigger = "/sys/fs/ext4/$device/trigger_fs_error";
    return (undef, 'this kernel cannot be told that a file system is broken') if !-w $trigger;
    mkdir "$disk/log", 0700;
    chown((getpwnam 'nobody')[2, 3], "$disk/log");
    return ($disk, undef, $image, $trigger);
}

SKIP: {
    my ($disk, $why, $image, $trigger) = breakable_disk();
    skip $why, 1 if !$disk;
    subtest 'a disk that becomes read-only' => sub {
        my ($rtu, $port, $dir, $gate, $m) = start_on($disk, 'reserve = "64K"; ');
        my $done = commands_at($rtu);
        spew($trigger, '1');
        is(wait_until(sub { answer($m) eq 'neg' }), 1, 'commands are refused');
        ok(flows($m, 30), 'data goes on');
        is(commands_at($rtu), $done, 'the RTU has seen none of them');
        ok(wait_for_text($gate->{err}, qr/ALARM: .*Read-only file system/), 'the operator is told');
        $m->close;
        stop_process($gate, 'TERM');
        my ($status) = run_command([ 'sh', '-c', "umount $disk && { e2fsck -fy $image >/dev/null 2>&1; mount -o loop $image $disk; }" ]);
        is($status, 0, 'it is repaired');
        $gate = start_gate104($dir);
        $m = session_again($port);
        is(answer($m), 'con', 'and commands pass') if ok($m, 'sessions begin again');
        is(stop_process($gate, 'TERM'), 0, 'clean stop');
        verify($dir);
    };
}

# ---- many files ----

subtest 'files begin and go while commands pass, and the writer is killed' => sub {
    my ($rtu, $port, $dir, $gate, $m) = start_on(undef, 'rotate_size = "8K"; retain_size = "48K"; reserve = "64K"; ');
    my ($kills, $passed) = (0, 0);
    my %seen;
    for my $n (1 .. 120) {
        $passed++ if answer($m) eq 'con';
        $seen{$_} = 1 for older_logs($dir);
        next if $n % 30;
        my ($pid) = proc_of_role($gate, 'audit');
        kill 'KILL', $pid;
        $kills++;
        wait_until(sub { my ($new) = proc_of_role($gate, 'audit'); $new && $new != $pid });
        is(wait_until(sub { answer($m) eq 'con' }), 1, "kill $kills: commands pass again, by themselves");
    }
    cmp_ok($passed, '>=', 100, 'commands passed');
    cmp_ok(scalar keys %seen, '>=', 10, 'many files were begun');
    ok(wait_until(sub { my $sum = 0; $sum += -s $_ || 0 for older_logs($dir), "$dir/log/gate104.jsonl"; $sum <= 48 * 1024 }), 'not more is kept than is to be');
    $m->close;
    wait_record($dir, { event => 'session.close' });
    is(stop_process($gate, 'TERM'), 0, 'clean stop');
    is(join("\n", log_faults($dir)), '', 'the chain runs over all files that are left');
    my @log = records($dir);
    cmp_ok($log[0]{seq}, '>', 1, 'its beginning was deleted');
    ok((grep { $_->{event} eq 'log.deleted' && $_->{last_seq} == $log[0]{seq} - 1 } @log), 'which a record says');
    is(scalar(grep { $_->{event} eq 'log.rotated' } @log), 1 + (() = older_logs($dir)), 'each file begins with a record of the one in front');
    is((grep { (stat $_)[2] & 027 } older_logs($dir)), 0, 'nobody else may read them');
};

subtest 'the folder is deleted' => sub {
    my ($rtu, $port, $dir, $gate, $m) = start_on(undef, '');
    run_command([ 'rm', '-rf', "$dir/log" ]);
    my @answers;
    is(wait_until(sub { -e "$dir/log/gate104.jsonl" && answer($m) eq 'con' }), 1, 'a new one is made, and commands pass, by themselves');
    ok(flows($m, 5), 'data goes on');
    ok(wait_for_text($gate->{err}, qr/^audit-0: ALARM: the folder of the log was deleted/m), 'the operator is told');
    $m->close;
    is(stop_process($gate, 'TERM'), 0, 'clean stop');
    is(join("\n", log_faults($dir)), '', 'a chain begins');
    my @log = records($dir);
    ok((grep { $_->{event} eq 'system.process-died' && $_->{process} eq 'audit-0' } @log), 'whose records say that something was') or diag explain [ map { $_->{event} } @log ];
};

done_testing();

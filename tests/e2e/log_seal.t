#!/usr/bin/perl
# The seals of a session log: made at start, by interval, at a reload and at the end; their
# epochs go on over restarts, kills and full disks; and none is made with a state that does
# not fit the log.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Raw104;
use SealCheck;
use Test::More;

my $root = $> == 0;
my $pki  = pki();

sub verify {
    my ($dir) = @_;
    my ($status, $out, $err) = run_command([ bin('gate104'), 'log', 'verify', "$dir/log" ]);
    is($status, 0, 'the log verifies') or diag $out, $err;
}

# A folder with a configuration that names a signing key; %o as of write_config.
sub sealed_folder {
    my (%o) = @_;
    my $dir = scratch();
    return write_config(dir => $dir, audit => qq(seal_key = "$dir/seal.key"; seal_interval = 1;),
                        routes => [ { name => 'r', mode => 'protect-rtu', listen => [ '127.0.0.1:' . free_port() ], rtu => ['127.0.0.1:1'] } ], %o);
}

sub whys { return join ' ', map { $_->{why} } seals($_[0]) }
sub count_seals { return scalar(() = seals($_[0])) }

# ---- keys ----

subtest 'keys are made once' => sub {
    my $dir = sealed_folder();
    my $make = sub { return run_command([ bin('gate104'), qw(log keygen), @_ ]) };
    my ($status, $out, $err) = $make->('--out', "$dir/seal", '--qr', "$dir/log");
    is($status, 0, 'made') or diag $err;
    like($out, qr/^    (?:[0-9a-f]{8}-){8}[0-9a-f]{4}$/m, 'with a seed');
    like($out, qr/\xE2\x96\x84/, 'and a QR code');
    is((stat "$dir/seal.key")[2] & 07777, 0600, 'the key is private');
    is((stat "$dir/log/seal.state")[2] & 07777, 0600, 'so is the state');
    is((stat "$dir/log/seal.state")[4], (stat "$dir/log")[4], 'it is the log\'s');
    my ($text) = run_command([ qw(openssl pkey -noout -in), "$dir/seal.key" ]);
    is($text, 0, 'openssl reads the key');
    is((run_command([ qw(openssl pkey -noout -pubin -in), "$dir/seal.pub" ]))[0], 0, 'and its public half');
    my $old = slurp("$dir/seal.key");
    ($status, $out, $err) = $make->('--out', "$dir/seal", "$dir/log");
    is($status, 3, 'not again');
    like($err, qr{\Q$dir\E/seal\.key: is there already; --force}, 'which it says');
    ($status, $out, $err) = $make->('--out', "$dir/other", "$dir/log");
    like($err, qr{seal\.state: this log has keys already; --force}, 'nor for the same log');
    ok(!-e "$dir/other.key", 'and nothing is left of it');
    is(slurp("$dir/seal.key"), $old, 'the key is the same');
    like(($make->('--out', "$dir/log/seal", "$dir/log"))[2], qr/not kept beside the log; name another/, 'not beside the log');
    like(($make->('--out', "$dir/none/seal", "$dir/log"))[2], qr/none\/: No such file/, 'not in no folder');
    like(($make->("$dir/none"))[2], qr/none: No such file.*name the folder of the log/, 'not for no log');
    is(($make->('--force', '--out', "$dir/seal", "$dir/log"))[0], 0, 'by force it is');
    isnt(slurp("$dir/seal.key"), $old, 'another one');
    is(($make->())[0], 3, 'without a folder: usage');
};

# ---- life ----

subtest 'seals over two lives' => sub {
    my $dir  = sealed_folder();
    my $keys = keygen($dir);
    my $gate = start_gate104($dir);
    ok(wait_until(sub { count_seals($dir) >= 3 }), 'seals come, with nothing to do, too') or diag whys($dir);
    like(whys($dir), qr/^start (interval ?)+$/, 'of the start, then by interval');
    my $n = count_seals($dir);
    kill 'HUP', $gate->{pid};
    ok(wait_until(sub { whys($dir) =~ /reload/ }), 'one of the reload');
    my (undef, undef, $err) = run_command([ bin('gate104'), qw(log keygen --force --out), "$dir/no", "$dir/log" ]);
    like($err, qr/gate104d writes its log there; stop it first/, 'no new keys while it runs');
    is(stop_process($gate, 'TERM'), 0, 'clean stop');
    like(whys($dir), qr/ stop$/, 'and of the stop');
    my @log = records($dir);
    is($log[-1]{event}, 'log.seal',   'it is the last record');
    is($log[-2]{event}, 'log.closed', 'behind the end of the log');
    $n = count_seals($dir);
    is(state_epoch($dir), $n + 1, 'the state is at the next epoch');
    unlike(slurp($gate->{err}), qr/not sealed/, 'no complaint');

    $gate = start_gate104($dir);
    ok(wait_until(sub { count_seals($dir) > $n }), 'sealed again after a restart');
    is(stop_process($gate, 'TERM'), 0, 'clean stop');
    is(join("\n", seal_faults($keys, signatures => 1)), '', 'each seal is good, and follows the one before');
    verify($dir);
};

subtest 'what is counted, and the configuration' => sub {
    my $rtu  = start_rtu();
    my $port = free_port();
    my $dir  = scratch();
    write_config(dir => $dir, audit => qq(seal_key = "$dir/seal.key"; seal_interval = 3600;),
                 routes => [ { name => 'r', mode => 'protect-rtu', listen => ["127.0.0.1:$port"], rtu => ["127.0.0.1:$rtu->{port}"] } ]);
    my $keys = keygen($dir);
    my $gate = start_gate104($dir);
    my $m = Raw104->connect_tls($port, $pki);
    ok($m->start, 'a session');
    $m->send($m->i($Raw104::SINGLE_ON));
    ok(wait_record($dir, { event => 'op.command' }), 'a command');
    spew("$dir/gate104.conf", slurp("$dir/gate104.conf") . "# another one\n");
    kill 'HUP', $gate->{pid};
    ok(wait_until(sub { whys($dir) =~ /reload/ }), 'a reload');
    is(stop_process($gate, 'TERM'), 0, 'clean stop');
    my @seals = seals($dir);
    is($seals[1]{commands}, 1, 'the command is counted') or diag explain \@seals;
    isnt($seals[1]{config_sha256}, $seals[0]{config_sha256}, 'the seal of the reload has the new configuration');
    my ($sum) = (run_command([ 'sha256sum', "$dir/gate104.conf" ]))[1] =~ /^(\w+)/;
    is($seals[1]{config_sha256}, $sum, 'the hash of its file');
    is(join("\n", seal_faults($keys, signatures => 1)), '', 'each seal is good');
    stop_process($rtu);
};

# ---- kills ----

subtest 'killed at any point, over several files' => sub {
    my $dir  = scratch();
    sealed_folder(dir => $dir, audit => qq(seal_key = "$dir/seal.key"; seal_interval = 1; rotate_size = "4K";));
    my $keys = keygen($dir);
    my $gate = start_gate104($dir);
    for my $i (1 .. 4) {
        my $n = count_seals($dir);
        wait_until(sub { count_seals($dir) > $n }) or fail("no seal after kill $i");
        # As near to the next seal as chance has it.
        select undef, undef, undef, rand 1.1;
        kill 'KILL', proc_of_role($gate, 'audit');
        wait_until(sub { proc_of_role($gate, 'audit') });
    }
    my $n = count_seals($dir);
    ok(wait_until(sub { count_seals($dir) > $n }), 'it seals after the last');
    kill 'KILL', $gate->{pid};
    stop_process($gate, 'KILL');
    wait_until(sub { my ($s) = run_command([ 'flock', '-n', "$dir/log", 'true' ]); $s == 0 });
    $gate = start_gate104($dir);
    $n = count_seals($dir);
    ok(wait_until(sub { count_seals($dir) > $n }), 'and after all were');
    is(stop_process($gate, 'TERM'), 0, 'clean stop');
    is(join("\n", seal_faults($keys)), '', 'no epoch is missing or there twice');
    my @old = glob "$dir/log/gate104-*.jsonl";
    ok(@old > 0, 'there are several files');
    like((slurp($_) =~ /([^\n]*\n)\z/)[0], qr/"event":"log\.seal".*"why":"rotate"/, 'each ends with a seal') for @old;
    like((slurp("$dir/log/gate104.jsonl") =~ /([^\n]*\n)\z/)[0], qr/"event":"log\.seal".*"why":"stop"/, 'so does the log');
    ok(!(grep { slurp($_) =~ /log\.seal-state/ } @old, "$dir/log/gate104.jsonl"), 'no alarm');
};

# The end between a seal and the state that follows it: the state of before is put back.
subtest 'killed between seal and state' => sub {
    my $dir  = sealed_folder();
    my $keys = keygen($dir);
    for my $life (1, 2) {
        my $gate = start_gate104($dir);
        wait_until(sub { count_seals($dir) >= $life });
        my $state = slurp("$dir/log/seal.state");
        my $epoch = state_epoch($dir);
        wait_until(sub { my @s = seals($dir); $s[-1]{epoch} == $epoch });
        my @audit = proc_of_role($gate, 'audit');
        kill 'STOP', @audit;
        stop_process($gate, 'KILL');
        kill 'KILL', @audit;
        wait_until(sub { my ($s) = run_command([ 'flock', '-n', "$dir/log", 'true' ]); $s == 0 });
        my @s = seals($dir);
        next if $s[-1]{epoch} != $epoch;    # one more was made meanwhile
        replace_state($dir, $state);
    }
    my $gate = start_gate104($dir);
    my $n = count_seals($dir);
    ok(wait_until(sub { count_seals($dir) > $n }), 'it goes on');
    is(stop_process($gate, 'TERM'), 0, 'clean stop');
    is(join("\n", seal_faults($keys)), '', 'with the next epoch');
    ok(!(grep { $_->{event} eq 'log.seal-state' } records($dir)), 'no alarm');
};

sub replace_state {
    my ($dir, $text) = @_;
    my ($uid, $gid) = (stat "$dir/log/gate104.jsonl")[4, 5];
    unlink "$dir/log/seal.state";
    return if !defined $text;
    spew("$dir/log/seal.state", $text);
    chmod 0600, "$dir/log/seal.state";
    chown $uid, $gid, "$dir/log/seal.state" if $root;
}

# ---- a state that does not fit ----

subtest 'a state that does not fit the log' => sub {
    my $dir  = sealed_folder();
    my $keys = keygen($dir);
    my $first = slurp("$dir/log/seal.state");
    my $gate = start_gate104($dir);
    wait_until(sub { count_seals($dir) >= 3 });
    is(stop_process($gate, 'TERM'), 0, 'clean stop');
    my $good  = slurp("$dir/log/seal.state");
    my $seals = count_seals($dir);
    my $log   = slurp("$dir/log/gate104.jsonl");
    my $case = sub {
        my ($name, $state, $why, $cut) = @_;
        spew("$dir/log/gate104.jsonl", $cut // $log);
        replace_state($dir, $state);
        chmod 0644, "$dir/log/seal.state" if $why eq 'open';
        my $g = start_gate104($dir);
        my $alarm = wait_record($dir, { event => 'log.seal-state' });
        is($alarm && $alarm->{why}, $why, "$name: an alarm");
        is($alarm && $alarm->{severity}, 'alarm', 'as one');
        ok(wait_until(sub { slurp($g->{err}) =~ /ALARM: the log is chained, not sealed: / }), 'the operator is told');
        is(stop_process($g, 'TERM'), 0, 'it ran');
        my $before = () = ($cut // $log) =~ /"event":"log\.seal"/g;
        is(count_seals($dir), $before, 'and there is no seal') or diag whys($dir);
    };
    $case->('removed', undef, 'missing');
    $case->('older', $first, 'older');
    $case->('damaged', $good =~ s/1/2/r, 'damaged');
    $case->('cut', substr($good, 0, 40), 'damaged');
    $case->('open to others', $good, 'open');
    my ($cut) = $log =~ /\A(.*"event":"log\.seal"[^\n]*\n)/s;
    $cut =~ s/[^\n]*\n\z//;    # without the last seal
    $case->('newer than a log that was cut', $good, 'newer', $cut);
    $case->('with the log gone', $good, 'newer', '');

    spew("$dir/log/gate104.jsonl", $log);
    replace_state($dir, $good);
    $gate = start_gate104($dir);
    ok(wait_until(sub { count_seals($dir) > $seals }), 'with what belongs together it goes on');
    is(stop_process($gate, 'TERM'), 0, 'clean stop');
    is(join("\n", seal_faults($keys)), '', 'as if nothing had been');

    my $last = (seals($dir))[-1];
    my $new  = keygen($dir, '--force');
    $gate = start_gate104($dir);
    ok(wait_until(sub { (seals($dir))[-1]{key} ne $last->{key} }), 'with new keys it seals anew');
    is(stop_process($gate, 'TERM'), 0, 'clean stop');
    my ($anew) = grep { $_->{key} ne $last->{key} } seals($dir);
    is($anew->{epoch}, 1, 'from epoch 1');
    is($anew->{seal_prev}, Digest::SHA::sha256_hex($last->{line}), 'linked to the last seal of before');
    is($anew->{first_seq}, $last->{seq} + 1, 'covering what came since');
    verify($dir);
};

# ---- the key ----

subtest 'a key that will not do' => sub {
    my $dir = sealed_folder();
    my $test = sub { return run_command([ bin('gate104d'), '-t', '-c', "$dir/gate104.conf" ]) };
    my ($status, $out, $err) = $test->();
    is($status, 1, 'no key');
    like($err, qr/audit\.seal_key: cannot look at "\Q$dir\E\/seal\.key": No such file.*gate104 log keygen/, 'said so');
    keygen($dir);
    is(($test->())[0], 0, 'with a key it is good') or diag $err;
    chmod 0640, "$dir/seal.key";
    ($status, $out, $err) = $test->();
    is($status, 1, 'a key that is open');
    like($err, qr/audit\.seal_key: the signing key "\Q$dir\E\/seal\.key" is open to others \(mode 0640\); chmod 0600/, 'said so');
    chmod 0600, "$dir/seal.key";
    unlink "$dir/log/seal.state";
    ($status, $out, $err) = $test->();
    is($status, 0, 'no state');
    like($err, qr/there will be no seals: "\Q$dir\E\/log\/seal\.state"/, 'is warned of');
    spew("$dir/seal.key", "no key\n");
    ($status, $out, $err) = $test->();
    is($status, 1, 'what is no key');
    like($err, qr/audit\.seal_key: \S+seal\.key: no Ed25519 key in PEM form/, 'is told');
    ok(!start_gate104($dir, may_fail => 1, seconds => 10), 'and does not start');
};

subtest 'without a key' => sub {
    my $dir = sealed_folder(audit => '');
    my $g = start_gate104($dir);
    like(slurp($g->{err}), qr/the log is chained, not sealed/, 'it is told');
    ok(wait_record($dir, { event => 'system.config-warning', why => 'not-sealed' }), 'and recorded');
    like((run_command([ bin('gate104'), '-s', "$dir/run/control", 'status' ]))[1], qr/chained, not sealed/, 'status says so');
    is(stop_process($g, 'TERM'), 0, 'clean stop');
    is(count_seals($dir), 0, 'no seals');
};

# ---- a full disk ----

my $disk;

sub small_disk {
    return 'needs root' if !$root;
    $disk = scratch();
    my ($status, undef, $err) = run_command([ 'mount', '-t', 'tmpfs', '-o', 'size=128k', 'gate104-test', $disk ]);
    return '' if $status == 0;
    undef $disk;
    return "no small file system here: $err";
}

END {
    local $?;
    system 'umount', '-l', $disk if $disk && $root;
}

SKIP: {
    my $why = small_disk();
    skip $why, 1 if $why ne '';
    subtest 'a full disk while sealing' => sub {
        my $dir = sealed_folder();
        rmdir "$dir/log";
        mkdir "$disk/log", 0700;
        chown((getpwnam 'nobody')[2, 3], "$disk/log");
        symlink "$disk/log", "$dir/log";
        my $keys = keygen($dir);
        my $gate = start_gate104($dir);
        wait_until(sub { count_seals($dir) >= 2 });
        for my $round (1, 2) {
            open my $ballast, '>', "$disk/ballast" or die $!;
            1 while syswrite $ballast, 'x' x 1024;
            1 while syswrite $ballast, 'x';
            close $ballast;
            ok(wait_until(sub { slurp($gate->{err}) =~ /(?:ALARM: the log cannot be written.*){$round}/s || slurp("$dir/gate104d.err") =~ /not sealed/ }), 'the disk is full');
            my $n = count_seals($dir);
            unlink "$disk/ballast";
            ok(wait_until(sub { count_seals($dir) > $n + 1 }), 'seals again once there is room');
        }
        is(stop_process($gate, 'TERM'), 0, 'clean stop');
        is(join("\n", seal_faults($keys)), '', 'no epoch is missing or there twice');
        verify($dir);
    };
}

done_testing();

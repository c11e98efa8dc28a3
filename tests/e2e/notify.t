#!/usr/bin/perl
# What gate104d tells a service manager, by the protocol of sd_notify(3): the test is the
# service manager.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use IO::Select;
use IO::Socket::INET;
use Socket qw(AF_UNIX SOCK_DGRAM pack_sockaddr_un);
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC time);

my $pki = pki();
my $rtu = start_rtu();

# A socket that is told; {fh, heard}.
sub listener {
    my ($name) = @_;
    socket(my $fh, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!";
    bind($fh, pack_sockaddr_un($name)) or die "bind: $!";
    return { fh => $fh, heard => [] };
}

# Takes in what comes, until a message matches (then it is given) or the seconds are over.
sub hear {
    my ($l, $re, $seconds) = (@_, 20);
    my $end = time + $seconds;
    while ((my $left = $end - time) > 0) {
        IO::Select->new($l->{fh})->can_read($left) or next;
        defined recv($l->{fh}, my $text, 4096, 0) or next;
        push @{ $l->{heard} }, $text;
        return $text if $text =~ $re;
    }
    return undef;
}

# What has come and waits.
sub hear_rest {
    my ($l) = @_;
    push @{ $l->{heard} }, $_ while IO::Select->new($l->{fh})->can_read(0) && defined recv($l->{fh}, $_, 4096, 0);
    return @{ $l->{heard} };
}

sub config {
    my (%route) = @_;
    my $port = free_port();
    my $dir  = write_config(routes => [ { name => 'r', mode => 'protect-rtu', listen => ["127.0.0.1:$port"],
                                          rtu => ["127.0.0.1:$rtu->{port}"], %route } ]);
    return ($dir, $port);
}

# gate104d with these variables; it is not waited for.
sub start {
    my ($dir, %env) = @_;
    local @ENV{ keys %env } = values %env;
    return spawn_process([ bin('gate104d'), '-c', "$dir/gate104.conf" ], err => "$dir/gate104d.err");
}

sub ready { return wait_for_text("$_[0]/gate104d.err", qr/^gate104d: ready$/m, 30) }

subtest 'a life' => sub {
    my ($dir, $port) = config();
    my $l = listener("$dir/notify");
    my $p = start($dir, NOTIFY_SOCKET => "$dir/notify");
    is(hear($l, qr/^READY=1/), "READY=1\nSTATUS=1 route", 'ready');
    is(scalar(@{ $l->{heard} }), 1, 'is the first that is said');
    ok(IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port), 'and is so');

    my $before = clock_gettime(CLOCK_MONOTONIC);
    kill 'HUP', $p->{pid};
    my $reloading = hear($l, qr/^RELOADING=1/) // '';
    my ($usec) = $reloading =~ /\nMONOTONIC_USEC=(\d+)\n/;
    ok($usec && $usec >= int($before * 1e6) && $usec <= clock_gettime(CLOCK_MONOTONIC) * 1e6, 'a reload, and when') or diag $reloading;
    is(hear($l, qr/./), "READY=1\nSTATUS=1 route", 'is over');

    my $good = slurp("$dir/gate104.conf");
    spew("$dir/gate104.conf", $good =~ s/policy = "[^"]*"/policy = "n\xC3\xB6ne"/r);
    kill 'HUP', $p->{pid};
    like(hear($l, qr/^READY=1/), qr/^READY=1\nSTATUS=1 route; the last reload was refused: .*n\?\?ne.*gate104\.conf.*\z/, 'a reload is refused: it stays ready, and says so in plain letters');
    spew("$dir/gate104.conf", $good =~ s/name = "r"/name = "r"; max_sessions = 7/r);
    kill 'HUP', $p->{pid};
    like(hear($l, qr/^READY=1/), qr/^READY=1\nSTATUS=1 route; restart to use the new /, 'what waits for a restart');

    my @children = children_of($p->{pid});
    SKIP: {
        skip 'only root may look', 1 if $> != 0;
        is(scalar(grep { slurp("/proc/$_/environ") =~ /NOTIFY|WATCHDOG/ } @children), 0, 'no role knows of the socket');
    }
    kill 'TERM', $p->{pid};
    is(hear($l, qr/./), "STOPPING=1\nSTATUS=stopping", 'stopping');
    is(stop_process($p), 0, 'it stops');
    is(scalar(grep { /^READY/ } hear_rest($l)), 4, 'and is not ready again');
};

subtest 'new keys' => sub {
    my ($dir) = config();
    my $l   = listener("$dir/notify");
    my $key = slurp("$pki/station.key");
    my ($conf, $other) = (slurp("$dir/gate104.conf"), pki('rsa'));
    my $p = start($dir, NOTIFY_SOCKET => "$dir/notify");
    hear($l, qr/^READY=1/);
    spew("$dir/gate104.conf", $conf =~ s/\Q$pki\E/$other/gr);
    kill 'HUP', $p->{pid};
    ok(hear($l, qr/^RELOADING=1/), 'a reload');
    is(hear($l, qr/./), "READY=1\nSTATUS=1 route", 'is over');
    my @signers = map { role_of($_) } proc_of_role($p, 'signer');
    ok((grep { $_ eq 'signer-1' } @signers), 'once the new signer runs') or diag "@signers";
    is(stop_process($p, 'TERM'), 0, 'it stops');
};

subtest 'a reload that a stop overtakes' => sub {
    my ($dir) = config();
    my $l = listener("$dir/notify");
    my ($conf, $other) = (slurp("$dir/gate104.conf"), pki('rsa'));
    my $p = start($dir, NOTIFY_SOCKET => "$dir/notify");
    hear($l, qr/^READY=1/);
    spew("$dir/gate104.conf", $conf =~ s/\Q$pki\E/$other/gr);
    kill 'HUP', $p->{pid};
    ok(hear($l, qr/^RELOADING=1/), 'it waits for a signer');
    is(stop_process($p, 'TERM'), 0, 'it stops');
    hear_rest($l);
    like($l->{heard}[-1], qr/^STOPPING=1/, 'and that is the last') or diag explain $l->{heard};
};

subtest 'what asks the signer of keys' => sub {
    my ($dir) = config();
    my $tree = scratch();
    chmod 0755, $tree;
    system('cp', bin('gate104d'), $tree) == 0 or die;
    spew("$tree/gate104-signer", "#!/bin/sh\nenv > $tree/env\nexec " . bin('gate104-signer') . " \"\$@\"\n");
    chmod 0755, "$tree/gate104-signer";
    local $ENV{NOTIFY_SOCKET} = "$dir/nobody";
    local $ENV{WATCHDOG_USEC} = 1;
    my ($status, $out, $err) = run_command([ "$tree/gate104d", '-c', "$dir/gate104.conf", '-t' ]);
    is($status, 0, 'asks it') or diag $err;
    like(slurp("$tree/env"), qr/^PATH=/m, 'with an environment');
    unlike(slurp("$tree/env"), qr/^(NOTIFY|WATCHDOG)/m, 'in which the socket is not named');
};

subtest 'signs of life' => sub {
    my ($dir) = config();
    my $l = listener("$dir/notify");
    my $p = start($dir, NOTIFY_SOCKET => "$dir/notify", WATCHDOG_USEC => 400_000, WATCHDOG_PID => '');
    delete $ENV{WATCHDOG_PID};
    ok(hear($l, qr/^READY=1/), 'ready');
    my @heard = hear_rest($l);
    is(scalar(grep { $_ eq 'WATCHDOG=1' } @heard), 0, 'a pid that is none: no signs of life');
    stop_process($p, 'TERM');

    my $l2 = listener("$dir/notify2");
    my $begin = time;
    $p = start($dir, NOTIFY_SOCKET => "$dir/notify2", WATCHDOG_USEC => 400_000);
    ok(hear($l2, qr/^READY=1/), 'ready');
    hear($l2, qr/^WATCHDOG=1$/);
    my @gap;
    for (1 .. 6) {
        my $last = time;
        hear($l2, qr/^WATCHDOG=1$/);
        push @gap, time - $last;
    }
    # On a busy machine some may be long, or short; not all.
    cmp_ok((sort { $a <=> $b } @gap)[0], '<', 0.35, 'more often than asked for') or diag "@gap";
    kill 'STOP', $p->{pid};
    wait_until(sub { slurp("/proc/$p->{pid}/stat") =~ /\) T / });
    hear_rest($l2);
    ok(!hear($l2, qr/./, 1), 'none of one that hangs');
    kill 'CONT', $p->{pid};
    ok(hear($l2, qr/^WATCHDOG=1$/), 'when it goes on, they do');
    stop_process($p, 'TERM');
    my $signs = grep { $_ eq 'WATCHDOG=1' } hear_rest($l2);
    cmp_ok($signs, '<=', (time - $begin) / 0.2 + 1, 'not much more often');

    my $l3 = listener("$dir/notify3");
    $p = start($dir, NOTIFY_SOCKET => "$dir/notify3", WATCHDOG_USEC => 1, WATCHDOG_PID => 1);
    ok(hear($l3, qr/^READY=1/), 'meant for another process');
    stop_process($p, 'TERM');
    is(scalar(grep { /WATCHDOG/ } hear_rest($l3)), 0, 'this one says nothing');
};

subtest 'an abstract socket' => sub {
    my ($dir) = config();
    my $name = "gate104-test-$$-notify";
    my $l    = listener("\0$name");
    my $p    = start($dir, NOTIFY_SOCKET => "\@$name");
    ok(hear($l, qr/^READY=1/), 'ready');
    kill 'TERM', $p->{pid};
    ok(hear($l, qr/^STOPPING=1/), 'stopping');
    is(stop_process($p), 0, 'it stops');
};

subtest 'a start that fails' => sub {
    my ($dir, $port) = config();
    my $busy = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', LocalPort => $port);
    my $l    = listener("$dir/notify");
    my $p    = start($dir, NOTIFY_SOCKET => "$dir/notify");
    is(stop_process($p), 256, 'it ends');
    is(join('|', grep { !/WATCHDOG/ } hear_rest($l)), "STOPPING=1\nSTATUS=the start failed", 'and says why, and never that it is ready');
};

subtest 'a service manager that does not read' => sub {
    my ($dir) = config();
    my $l = listener("$dir/notify");
    socket(my $other, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!";
    $other->blocking(0);
    my $sent = 0;
    $sent++ while $sent < 10_000 && send($other, 'full', 0, pack_sockaddr_un("$dir/notify"));
    cmp_ok($sent, '<', 10_000, 'there is no room');
    my $p = start($dir, NOTIFY_SOCKET => "$dir/notify", WATCHDOG_USEC => 100_000);
    ok(ready($dir), 'nothing waits for it');
    ok(hear($l, qr/^READY=1/), 'it is told when it reads again');
    is(stop_process($p, 'TERM'), 0, 'it stops');
};

my ($dir) = config();
my %odd = ('nobody there' => "$dir/nobody", 'not absolute' => 'notify', 'empty' => '', 'no name' => '@',
           'another family' => 'vsock:2:1234', 'too long' => '/' . 'x' x 200, 'as long as can be' => '/' . 'x' x 106);
for my $what (sort keys %odd) {
    unlink "$dir/gate104d.err";
    my $p = start($dir, NOTIFY_SOCKET => $odd{$what}, WATCHDOG_USEC => $what =~ /^n/ ? '5x' : '10000');
    ok(ready($dir), "$what: it starts") or diag slurp("$dir/gate104d.err");
    is(stop_process($p, 'TERM'), 0, 'and stops');
}

subtest 'a service manager that goes away' => sub {
    my $l = listener("$dir/gone");
    unlink "$dir/gate104d.err";
    my $p = start($dir, NOTIFY_SOCKET => "$dir/gone", WATCHDOG_USEC => 20_000);
    ok(hear($l, qr/^READY=1/), 'ready');
    close $l->{fh};
    unlink "$dir/gone";
    kill 'HUP', $p->{pid};
    ok(wait_for_text("$dir/gate104d.err", qr/^gate104d: reload: reading/m), 'it goes on');
    my $again = listener("$dir/gone");
    ok(hear($again, qr/^WATCHDOG=1/), 'and talks to the next one there');
    is(stop_process($p, 'TERM'), 0, 'it stops');
};

done_testing();

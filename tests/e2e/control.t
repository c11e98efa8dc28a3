#!/usr/bin/perl
# The control socket: what an operator sees of a running gate104d and may tell it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Raw104;
use IO::Socket::UNIX;
use JSON::PP;
use Test::More;

my $pki  = pki();
my $rtu  = start_rtu();
my %port = map { $_ => free_port() } qw(one two);
my $dir  = write_config(routes => [
    map { { name => $_, mode => 'protect-rtu', listen => ["127.0.0.1:$port{$_}"], rtu => ["127.0.0.1:$rtu->{port}"] } } qw(one two) ]);
my $gate = start_gate104($dir);
my $socket = "$dir/run/control";

sub control { return run_command([ bin('gate104'), '-s', $socket, @_ ]) }

sub json {
    my ($status, $out, $err) = control(@_, '--json');
    return eval { decode_json($out) } // { failed => "$status $out $err" };
}

sub single { my ($m) = @_; return ($m->command($Raw104::SINGLE_ON) // '') =~ /^2d01(..)/ ? $1 : 'none' }

my $status = json('status');
is($status->{version}, slurp("$FindBin::Bin/../../VERSION") =~ s/\s//gr, 'status tells the version') or diag explain $status;
is(join(' ', sort map { "$_->{role}-$_->{number} $_->{state}" } grep { $_->{role} ne 'tls' } @{ $status->{processes} }),
    join(' ', map { "$_ running" } qw(audit-0 broker-0 gate-0 gate-1 signer-0)), 'the processes');
is(join(' ', map { $_->{pid} } grep { $_->{role} eq 'signer' } @{ $status->{processes} }),
    join(' ', proc_of_role($gate, 'signer')), 'with their numbers');
is(join(' ', map { "$_->{name} $_->{mode} $_->{listen}[0]" } @{ $status->{routes} }),
    "one enforce 127.0.0.1:$port{one} two enforce 127.0.0.1:$port{two}", 'the routes');
is(scalar(grep { $_->{kind} eq 'certificate' && $_->{days_left} > 0 } @{ $status->{trust} }), 1, 'the certificate');
my ($code, $text) = control('status');
like($text, qr/^  one +protect-rtu  enforce [^\n]+ TLS strict\b.*^  signer/ms, 'and all that in words');

is_deeply(json('sessions')->{sessions}, [], 'no session');
my $one = Raw104->connect_tls($port{one}, $pki);
my $two = Raw104->connect_tls($port{two}, $pki);
ok($one->start && $two->start, 'two masters');
my @sessions = @{ json('sessions')->{sessions} };
is(join(' ', map { "$_->{route} $_->{state} $_->{started} $_->{commands}" } sort { $a->{route} cmp $b->{route} } @sessions),
    'one open 1 1 two open 1 1', 'two sessions');
like($sessions[0]{subject}, qr/CN=/, 'of whom');
is(single($one), '07', 'a command passes');
my ($s) = grep { $_->{route} eq 'one' } @{ json('sessions')->{sessions} };
is($s->{master_i}, 1, 'and is counted');

subtest 'monitor-only' => sub {
    is((control('monitor-only', 'on', 'one'))[0], 0, 'on');
    is(single($one), '47', 'its commands are refused');
    is(single($two), '07', 'those of the other route are not');
    ok(!(grep { $_->{route} eq 'one' && $_->{commands} } @{ json('sessions')->{sessions} }), 'sessions show it');
    is((grep { $_->{route} eq 'one' } @{ json('sessions')->{sessions} })[0]{refused_by}, 'operator', 'and why');
    like((control('sessions'))[1], qr/^\d+ +one .* NO COMMANDS: operator  127/m, 'in words, too');
    is(json('status')->{routes}[0]{mode}, 'monitor-only', 'and the status');
    my ($its) = grep { role_of($_) eq 'gate-0' } children_of($gate->{pid});
    kill 'KILL', $its;
    ok($one->ended, 'its gate dies');
    my $again;
    ok(wait_until(sub { $again = Raw104->connect_tls($port{one}, $pki); $again && $again->start }), 'the master is back');
    is(single($again), '47', 'and still may not command');
    is((control('monitor-only', 'off', 'one'))[0], 0, 'off');
    is(single($again), '07', 'now it may');
    my ($on) = grep { $_->{event} eq 'system.operator' && $_->{why} eq 'monitor-only on' } records($dir);
    is($on->{route}, 'one', 'the log has it');
    like($on->{detail}, qr/^by \S+ \(uid $>\)/, 'and who it was');
    is(scalar(grep { $_->{event} eq 'policy.refused' && $_->{why} eq 'operator' } records($dir)), 2, 'with each refusal');
    $one = $again;
};

subtest 'close' => sub {
    my ($id) = map { $_->{session} } grep { $_->{route} eq 'two' } @{ json('sessions')->{sessions} };
    is((control('close', $id))[0], 0, 'a session');
    ok($two->ended, 'it ends');
    is(wait_record($dir, { event => 'session.close', session => $id })->{why}, 'operator', 'with its reason');
    is(single($one), '07', 'the other goes on');
};

subtest 'what is wrong' => sub {
    for my $case ([ 1, 'monitor-only', 'on', 'three' ], [ 1, 'monitor-only', 'maybe', 'one' ], [ 1, 'close', 'x' ],
                  [ 2, 'close' ], [ 2, 'status', 'all' ], [ 2, 'sessions', 'x' x 300 ]) {
        my ($want, @words) = @$case;
        my ($got, $out, $err) = control(@words);
        is($got, $want, substr "@words", 0, 40);
        isnt($err, '', '... and why');
    }
    is((run_command([ bin('gate104'), '-s', "$dir/nowhere", 'status' ]))[0], 1, 'no such socket');
    for my $octets ("status", "x\n", "status\nstatus\n", "\0\n", 'x' x 10_000, '') {
        my $c = IO::Socket::UNIX->new(Peer => $socket) or next;
        print {$c} $octets;
        shutdown $c, 1;
        my $answer = do { local $/; <$c> } // '';
        unlike($answer, qr/"ok":true/, 'nonsense gets no answer but an error');
    }
    # More clients than there are places, none of them reading, and then a good one.
    my @silent = map { IO::Socket::UNIX->new(Peer => $socket) } 1 .. 20;
    $_ and syswrite $_, "sessions\n" for @silent;
    close $_ for grep { $_ } @silent;
    ok(wait_until(sub { json('status')->{ok} }), 'and it still answers');
    is(single($one), '07', 'no session has noticed');
};

SKIP: {
    skip 'needs root', 1 if $> != 0;
    chmod 0755, $dir;
    my $pid = fork // die;
    if (!$pid) {
        my ($uid, $gid) = (getpwnam 'nobody')[2, 3];
        ($(, $)) = ($gid, "$gid $gid");
        ($<, $>) = ($uid, $uid);
        exec bin('gate104'), '-s', $socket, 'close', 1 or exit 9;
    }
    waitpid $pid, 0;
    is($? >> 8, 1, 'nobody else may ask');
}

is(stop_process($gate, 'TERM'), 0, 'clean stop');
ok(!-e $socket, 'the socket is gone');
is(join("\n", log_faults($dir)), '', 'the chain of the log holds');
done_testing;

#!/usr/bin/perl
# Permits: a rule with permit = "required" lets commands pass only while an operator's grant
# holds, the log has the grant before it takes effect, and nobody grants alone where it takes
# two.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Raw104;
use JSON::PP;
use Test::More;

my $pki  = pki();
my $rtu  = start_rtu();
my %port = map { $_ => free_port() } qw(one two watch);
my $policy = <<'P';
control = { default = "refuse"; rules = (
  { name = "breakers"; types = [ "C_SC_NA_1" ]; ca = [ 1 ]; ioa = [ "1001-1100" ]; permit = "required"; },
  { name = "station"; types = [ "C_IC_NA_1" ]; ca = [ 1 ]; },
  { name = "clock"; types = [ "C_CS_NA_1" ]; ca = [ 1 ]; permit = "required"; } ); };
P
my $dir = write_config(routes => [ (map { { name => $_, mode => 'protect-rtu', listen => ["127.0.0.1:$port{$_}"],
    rtu => ["127.0.0.1:$rtu->{port}"], policy_text => $policy, enforce => $_ eq 'watch' ? \'false' : \'true',
    $_ eq 'two' ? (permit_persons => 2) : () } } qw(one two watch)),
    { name => 'open', mode => 'protect-rtu', listen => [ '127.0.0.1:' . free_port() ], rtu => ["127.0.0.1:$rtu->{port}"] } ]);
my $state = "$dir/state";
mkdir $state, 0700 or die;
my $group = $> == 0 ? 'nogroup' : (getgrgid((split ' ', $()[0]))[0];
my $conf = slurp("$dir/gate104.conf");
sub configure { spew("$dir/gate104.conf", qq(permits = { max = "1h"; dir = "$state"; group = "$group"; $_[0] };\n$conf)) }
configure('');
chmod 0755, $dir;
my $gate = start_gate104($dir);

sub control { return run_command([ bin('gate104'), '-s', "$dir/run/control", @_ ]) }
sub permit  { return control('permit', @_) }
sub grant   { my ($status, $out) = permit('grant', '--reason', 'work order 4711', @_); return $status == 0 && $out =~ /^permit (\d{6}) / ? $1 : undef }
sub list    { my ($status, $out) = permit('list', '--json'); return @{ (eval { decode_json($out) } // {})->{permits} // [] } }

my %master;
sub master {
    my ($name) = @_;
    $master{$name} = undef if $master{$name} && $master{$name}->ended(0);
    return $master{$name} //= wait_until(sub { my $m = Raw104->connect_tls($port{$name}, $pki); $m && $m->start && $m })
        // BAIL_OUT("$name: no session");
}

# What comes of a command: 'passes' or 'refused'.
sub single {
    my ($name, $ioa, $octet, $cause) = @_;
    my $asdu = sprintf '2d01%02x000100%s%02x', $cause // 6, unpack('H6', pack 'V', $ioa // 1001), $octet // 1;
    my $answer = master($name)->command($asdu) // return 'nothing';
    return $answer =~ /^2d01(?:07|09|0a)/ ? 'passes' : $answer =~ /^2d014[79]/ ? 'refused' : $answer;
}
sub whys { my ($event) = @_; return join ' ', map { $_->{why} // '-' } grep { $_->{event} eq $event } records($dir) }
# Nobody waits for these records to be written.
sub why_last { my ($event, $why) = @_; wait_until(sub { (last_of($event)->{why} // '') eq $why }); return last_of($event)->{why} }
sub last_of { my ($event) = @_; return (grep { $_->{event} eq $event } records($dir))[-1] // {} }

subtest 'a grant, and its end' => sub {
    is(single('one'), 'refused', 'nothing without a permit');
    is(why_last('policy.refused', 'no-permit'), 'no-permit', 'the log says why');
    single('one', 1001, 1, 8);
    is(single('one'), 'refused', 'and nothing still');
    is(wait_until(sub { whys('policy.refused') =~ / / && whys('policy.refused') }), 'no-permit no-permit', 'but to take back is always in order');
    my $id = grant('--route', 'one', '--for', '10m', '--types', 'C_SC_NA_1', '--ioa', '1001-1009,1020');
    ok($id, 'a permit is granted');
    my $granted = last_of('permit.granted');
    is("@$granted{qw(route permit permit_reason permit_scope duration_ms from)}",
        "one $id work order 4711 types C_SC_NA_1 ioa 1001-1009,1020 600000 monitor-0", 'the log has it already');
    like($granted->{operator}, qr/^uid:$>\(/, 'and who it was');
    is(single('one'), 'passes', 'it holds');
    my $command = last_of('op.command');
    is("@$command{qw(permit rule)}", "$id breakers", 'the record of the command names it');
    ok($command->{seq} > $granted->{seq}, 'behind it');
    is(single('one', 1010), 'refused', 'another point');
    is(single('two'), 'refused', 'another route');
    my ($p) = list();
    is("@$p{qw(permit route state used commands scope)}", "$id one active 1 0 types C_SC_NA_1 ioa 1001-1009,1020", 'it is listed');
    cmp_ok($p->{left_seconds}, '<=', 600, 'with the time that is left');
    like((permit('list'))[1], qr/^$id +one +active +\d+ min .* work order 4711$/m, 'in words, too');
    like((control('status'))[1], qr/^  one .*PERMITS 1$/m, 'status counts it');
    is((permit('revoke', $id))[0], 0, 'revoked');
    is(single('one'), 'refused', 'it holds no more');
    is("@{ wait_record($dir, { event => 'permit.ended', permit => $id }) }{qw(why count)}", 'revoked 1', 'the log has it');
    is((permit('revoke', $id))[0], 1, 'twice is an error');
    is(scalar(list()), 0, 'and it is gone');
};

like((run_command([ bin('gate104'), 'log', 'show', "$dir/log", '--event', 'permit.granted' ]))[1],
    qr/permit \d{6} by uid:$>\(\S+\) for types C_SC_NA_1 ioa 1001-1009,1020 during 600000 ms because "work order 4711"$/m, 'the log in words');

subtest 'time and number' => sub {
    my $id = grant('--route', 'one', '--for', '2s');
    is(single('one'), 'passes', 'a permit for all that asks for one');
    is(wait_record($dir, { event => 'permit.ended', permit => $id })->{why}, 'expired', 'its time is over');
    is(single('one'), 'refused', 'nothing passes by it');
    is(why_last('policy.refused', 'permit-expired'), 'permit-expired', 'the log says why');
    $id = grant('--route', 'one', '--for', '10m', '--commands', '2');
    is(join(' ', single('one', 1001, 0x81), single('one', 1001, 1), single('one', 1002, 1), single('one', 1003, 1)),
        'passes passes passes refused', 'a select does not count, and behind the second command comes no third');
    is("@{ wait_record($dir, { event => 'permit.ended', permit => $id }) }{qw(why count)}", 'used-up 2', 'it is used up');
    is(why_last('policy.refused', 'permit-used-up'), 'permit-used-up', 'the log says why');
    is(scalar(list()), 0, 'none is left');
};

subtest 'for whom' => sub {
    my ($subject) = map { $_->{subject} // () } records($dir);
    my ($print) = map { $_->{fingerprint_sha256} // () } records($dir);
    for my $peer ([ 'CN=Somebody else', 'refused' ], [ 'ab' x 32, 'refused' ], [ $subject, 'passes' ], [ $print, 'passes' ]) {
        my $id = grant('--route', 'one', '--for', '5m', '--peer', $peer->[0]);
        is(single('one'), $peer->[1], "a permit for $peer->[0]");
        is((permit('revoke', $id))[0], 0, 'revoked');
    }
};

subtest 'types without addresses' => sub {
    my $set_clock = '670106000100000000' . '00000000010119';
    my $ask = sub { (master('one')->command($set_clock) // '') =~ /^6701(..)/ ? $1 : '' };
    my $id = grant('--route', 'one', '--for', '5m', '--ioa', '1001');
    is($ask->(), '47', 'are not among the points that are named');
    permit('revoke', $id);
    $id = grant('--route', 'one', '--for', '5m', '--types', 'C_SC_NA_1,C_CS_NA_1', '--ioa', '1001');
    is($ask->(), '07', 'but by their own names');
    permit('revoke', $id);
};

subtest 'observed' => sub {
    is(single('watch'), 'passes', 'it passes');
    is(why_last('policy.would-refuse', 'no-permit'), 'no-permit', 'and the log says what it would have been');
};

subtest 'bad input' => sub {
    my @good = ('--route', 'one', '--for', '5m', '--reason', 'x');
    for my $case (
        [ qr/no rule of this route's policy/, '--route', 'open', '--for', '5m', '--reason', 'x' ],
        [ qr/no route "three"/,         '--route', 'three', '--for', '5m', '--reason', 'x' ],
        [ qr/"0m" is no time/,          '--route', 'one',   '--for', '0m', '--reason', 'x' ],
        [ qr/"5" is no time/,           '--route', 'one',   '--for', '5',  '--reason', 'x' ],
        [ qr/"9d" is no time/,          '--route', 'one',   '--for', '9d', '--reason', 'x' ],
        [ qr/longer than permits\.max/, '--route', 'one',   '--for', '2h', '--reason', 'x' ],
        [ qr/needs a reason/,           '--route', 'one',   '--for', '5m' ],
        [ qr/reason is empty/,          '--route', 'one',   '--for', '5m', '--reason', '' ],
        [ qr/needs a reason/,           '--route', 'one',   '--for', '5m', '--reason', '  ' ],
        [ qr/reason has control/,       '--route', 'one',   '--for', '5m', '--reason', "a\eb" ],
        [ qr/reason has control/,       '--route', 'one',   '--for', '5m', '--reason', "a\x{c2}\x{85}b" ],
        [ qr/not UTF-8/,                '--route', 'one',   '--for', '5m', '--reason', "a\xFFb" ],
        [ qr/more than 120/,            '--route', 'one',   '--for', '5m', '--reason', 'x' x 121 ],
        [ qr/is for a route/,           '--for', '5m', '--reason', 'x' ],
        [ qr/say for how long/,         '--route', 'one', '--reason', 'x' ],
        [ qr/ioa 16777216 is out/,      @good, '--ioa', '16777216' ],
        [ qr/ioa 9-1 is reversed/,      @good, '--ioa', '9-1' ],
        [ qr/is no list/,               @good, '--ioa', '1,,2' ],
        [ qr/without an end/,           @good, '--ioa', '1-' ],
        [ qr/more than 32/,             @good, '--ioa', join ',', map { 2 * $_ } 1 .. 33 ],
        [ qr/do not fit/,               @good, '--ioa', join ',', map { 10_000_000 + 2 * $_ } 1 .. 32 ],
        [ qr/ca 0 is out/,              @good, '--ca', '0' ],
        [ qr/65535/,                    @good, '--ca', '1-65535' ],
        [ qr/did you mean C_SC_NA_1/,   @good, '--types', 'C_SC_NA_2' ],
        [ qr/nothing a master sends/,   @good, '--types', 'M_SP_NA_1' ],
        [ qr/neither a SHA-256/,        @good, '--peer', 'somebody' ],
        [ qr/no number from 1/,         @good, '--commands', '0' ],
        [ qr/is there twice/,           @good, '--ioa', '1', '--ioa', '2' ],
        [ qr/do not persist here/,      @good, '--persist' ],
    ) {
        my ($want, @words) = @$case;
        my ($status, $out, $err) = permit('grant', @words);
        is("$status $out", '1 ', "refused: $want");
        like($err, $want, '... in words');
    }
    for my $case ([ 2, 'grant' ], [ 2, 'grant', '--rout', 'one', '--nonsense' ], [ 2, 'grant', @good, 'more' ], [ 2, 'revoke' ],
                  [ 2, 'list', 'all' ], [ 2, 'grant', '--reason', "a\tioa=1" ], [ 2, 'grant', '--reason', 'x' x 5000 ],
                  [ 2, 'borrow' ], [ 1, 'revoke', 'x' ], [ 1, 'revoke', '-1' ], [ 1, 'confirm', '123' ], [ 1, 'confirm', '1' x 30 ]) {
        my ($want, @words) = @$case;
        my ($status, $out, $err) = permit(@words);
        is($status, $want, substr "permit @words", 0, 40);
        isnt($err, '', '... and why');
    }
    is(scalar(list()), 0, 'nothing was granted');
    wait_until(sub { whys('permit.refused') =~ / / });
    is(whys('permit.refused'), 'too-long persist', 'what is against the rules is in the log');
};

subtest 'the gate dies' => sub {
    my $id = grant('--route', 'one', '--for', '10m', '--commands', '2');
    is(single('one'), 'passes', 'a permit holds');
    my $m = master('one');
    my ($its) = grep { role_of($_) eq 'gate-0' } children_of($gate->{pid});
    kill 'KILL', $its;
    ok($m->ended, 'its gate dies');
    is(single('one'), 'passes', 'the next one has it');
    is(single('one'), 'refused', 'with what was left of it');
    is(wait_record($dir, { event => 'permit.ended', permit => $id })->{why}, 'used-up', 'it is used up');
};

subtest 'reload' => sub {
    my $id = grant('--route', 'one', '--for', '10m');
    is((control('reload'))[0], 0, 'reloaded');
    is(single('one'), 'passes', 'the permit holds');
    is((permit('revoke', $id))[0], 0, 'revoked');
};

# A permit of another Unix user, who is in the group.
sub as_other {
    my $uid = getpwnam 'daemon';
    my $gid = getgrnam $group;
    return run_command([ 'setpriv', "--reuid=$uid", "--regid=$gid", '--clear-groups', bin('gate104'), '-s', "$dir/run/control", @_ ]);
}

subtest 'two persons' => sub {
    my $id = grant('--route', 'two', '--for', '10m', '--ioa', '1001');
    ok($id, 'granted');
    is((list())[0]{state}, 'pending', 'it waits');
    is(last_of('permit.granted')->{why}, 'pending', 'the log says so');
    is(single('two'), 'refused', 'nothing passes by it');
    my ($status, $out, $err) = permit('confirm', $id);
    like("$status $err", qr/^1 .*another Unix user/, 'who granted it cannot confirm it');
    wait_record($dir, { event => 'permit.refused', why => 'same-person' });
    is("@{ last_of('permit.refused') }{qw(why operator)}", 'same-person ' . last_of('permit.granted')->{operator}, 'the log has that');
    is(single('two'), 'refused', 'it still waits');
  SKIP: {
        skip 'needs root, to become another user', 10 if $> != 0;
        is((as_other('permit', 'confirm', $id))[0], 0, 'another can');
        like("@{ last_of('permit.confirmed') }{qw(permit operator)}", qr/^$id uid:\d+\(daemon\)$/, 'the log has who');
        is(single('two'), 'passes', 'it holds');
        is((as_other('permit', 'confirm', $id))[0], 1, 'twice is an error');
        is((as_other('permit', 'revoke', $id))[0], 0, 'one alone revokes it');
        is(single('two'), 'refused', 'it holds no more');
        is((as_other('status'))[0], 1, 'the group may ask for permits only');
        is((as_other('monitor-only', 'on', 'one'))[0], 1, 'and do nothing else');
        my ($uid) = (getpwnam 'daemon')[2];
        is((run_command([ 'setpriv', "--reuid=$uid", "--regid=$uid", '--clear-groups', bin('gate104'), '-s', "$dir/run/control",
            'permit', 'list' ]))[0], 1, 'who is not in the group may nothing');
        chmod 0666, "$dir/run/control";
        is((run_command([ 'setpriv', "--reuid=$uid", "--regid=$uid", '--clear-groups', bin('gate104'), '-s', "$dir/run/control",
            'permit', 'list' ]))[0], 1, 'even if the socket were open to all');
        chmod 0660, "$dir/run/control";
    }
};

# The log's word on a command is kept back; meanwhile its permit is revoked.  Where the
# machine is so slow that the gate waits no longer, once more.
subtest 'a command that waits for its record' => sub {
    my ($audit) = proc_of_role($gate, 'audit');
    my ($command, $refused);
    for (1 .. 5) {
        my $id = grant('--route', 'one', '--for', '10m');
        my $m = master('one');
        my $had = sub { my ($s) = grep { $_->{route} eq 'one' } @{ decode_json((control('sessions', '--json'))[1])->{sessions} }; return $s->{master_i} };
        my $before = $had->();
        kill 'STOP', $audit;
        $m->send($m->i('2d0106000100e9030001'));
        wait_until(sub { $had->() > $before });
        permit('revoke', $id);
        kill 'CONT', $audit;
        ok(defined $m->until_asdu(qr/^2d0147/), 'it is refused');
        $command = wait_record($dir, { event => 'op.command', permit => $id });
        $refused = wait_record($dir, { event => 'policy.refused', command_seq => $command->{seq} });
        last if $refused->{why} ne 'log-unavailable';
        wait_until(sub { grant('--route', 'one', '--for', '1s') });
        wait_until(sub { single('one') eq 'passes' });
    }
    is($refused->{why}, 'no-permit', 'the log has both');
};

subtest 'the log does not work' => sub {
    my ($audit) = proc_of_role($gate, 'audit');
    kill 'STOP', $audit;
    my ($status, $out, $err) = permit('grant', '--route', 'one', '--for', '10m', '--reason', 'x');
    kill 'CONT', $audit;
    is("$status $out", '1 ', 'no permit is granted');
    like($err, qr/log does not work/, '... and why');
    is(wait_record($dir, { event => 'permit.ended', why => 'not-recorded' }) ? 1 : 0, 1, 'the log says that it came to nothing');
    my $id;
    ok(wait_until(sub { $id = grant('--route', 'one', '--for', '10m') }), 'with the log come permits');
    is((permit('revoke', $id))[0], 0, 'revoked');
};

subtest 'restart' => sub {
    permit('revoke', $_->{permit}) for list();
    my $id = grant('--route', 'one', '--for', '10m');
    is(stop_process($gate, 'TERM'), 0, 'stopped');
    is(wait_record($dir, { event => 'permit.ended', permit => $id })->{why}, 'restart', 'the permit ends with it, and the log says so');
    configure('persist = true;');
    $gate = start_gate104($dir);
    is(scalar(list()), 0, 'it is gone');
    is(single('one'), 'refused', 'and does not hold');
    $id = grant('--route', 'one', '--for', '10m', '--persist', '--ioa', '1001');
    my $other = grant('--route', 'one', '--for', '10m', '--ioa', '1002');
    ok($id && $other, 'one that persists, one that does not');
    is((stat "$state/permits.state")[2] & 07777, 0600, 'a file for nobody else');
    is(stop_process($gate, 'TERM'), 0, 'stopped');
    my $was = slurp("$state/permits.state");
    $gate = start_gate104($dir);
    ok(wait_record($dir, { event => 'permit.granted', permit => $id, why => 'restored' }), 'it is back, and the log says so');
    ok(wait_until(sub { (list())[0]{state} eq 'active' }), 'it holds again');
    is(join(' ', map { $_->{permit} } list()), $id, 'it alone');
    cmp_ok((list())[0]{left_seconds}, '<', 600, 'for no longer than before');
    is(join(' ', map { single('one', $_) } 1001, 1002), 'passes refused', 'for what it was for');
    kill 'KILL', $gate->{pid};
    stop_process($gate);
    $gate = start_gate104($dir);
    ok(wait_until(sub { (list())[0] && (list())[0]{state} eq 'active' }), 'it outlives a kill, too');
    is((permit('revoke', $id))[0], 0, 'revoked');
    ok(!-e "$state/permits.state", 'the file is gone');
    for my $octets (substr($was, 0, -1), $was ^ ("\0" x 60 . "\1"), 'x' x 400_000, '') {
        is(stop_process($gate, 'TERM'), 0, 'stopped');
        spew("$state/permits.state", $octets);
        chmod 0600, "$state/permits.state";
        $gate = start_gate104($dir);
        is(scalar(list()), 0, 'a damaged file brings nothing back');
        like(slurp($gate->{err}), qr/permits\.state is damaged/, 'and it is told');
    }
    is(stop_process($gate, 'TERM'), 0, 'stopped');
};

subtest 'configuration' => sub {
    my $good = slurp("$dir/gate104.conf");
    for my $case ([ 'max = "0s";', qr/permits\.max: "0s" is no time/ ], [ 'max = "8";', qr/permits\.max/ ],
                  [ 'persons = 3;', qr/permits\.persons/ ], [ 'group = "no-such-group";', qr/there is no group/ ],
                  [ 'persist = true; dir = "nowhere";', qr/there is no folder/ ], [ 'persist = 1;', qr/permits\.persist/ ],
                  [ 'presist = true;', qr/permits\.presist.*persist/s ]) {
        spew("$dir/gate104.conf", "permits = { $case->[0] };\n$conf");
        my ($status, $out, $err) = run_command([ bin('gate104d'), '-c', "$dir/gate104.conf", '-t' ]);
        is($status, 1, "refused: $case->[0]");
        like($err, $case->[1], '... in words');
    }
    chmod 0777, $state;
    spew("$dir/gate104.conf", qq(permits = { persist = true; dir = "$state"; };\n$conf));
    my ($status, $out, $err) = run_command([ bin('gate104d'), '-c', "$dir/gate104.conf", '-t' ]);
    like("$status $err", qr/^1 .*others can write in/s, 'a folder in which others write');
    spew("$dir/gate104.conf", $conf);
    ($status, $out, $err) = run_command([ bin('gate104d'), '-c', "$dir/gate104.conf", '-t' ]);
    like("$status $err", qr/^0 .*route "two" take two persons/s, 'two persons without a group: a warning');
};

is(join("\n", log_faults($dir)), '', 'the chain of the log holds');
done_testing;

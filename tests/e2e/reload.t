#!/usr/bin/perl
# New policies while sessions run: they hold at once, or not at all; links, selects and
# rates go on; each change is in the log before it has an effect.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use JSON::PP;
use Raw104;
use Test::More;

my $pki = pki();
my ($ON, $SELECT_ON) = (0x01, 0x81);

# A gate104 with these routes, each with a gate process and an RTU of its own.
sub world {
    my ($routes, %o) = @_;
    my (%w, @routes);
    for my $r (@$routes) {
        my $rtu = Raw104->listener;
        $w{$r->{name}} = { rtu => $rtu, port => free_port() };
        push @routes, { mode => 'protect-rtu', enforce => \'true', listen => ["127.0.0.1:$w{$r->{name}}{port}"], rtu => ["127.0.0.1:$rtu->{port}"], %$r };
    }
    $w{dir} = write_config(routes => \@routes, %o);
    $w{policy} = [ map { "$w{dir}/policy-$_.policy" } 0 .. $#routes ];
    $w{gate} = start_gate104($w{dir});
    return \%w;
}

sub session {
    my ($w, $name) = @_;
    my @ends = Raw104->through($w->{$name}{port}, $pki, $w->{$name}{rtu});
    return @ends ? @ends : BAIL_OUT("$name: no session");
}

sub single {
    my ($ioa, $octet, $cause) = @_;
    return sprintf '2d01%02x000100%s%02x', $cause // 6, unpack('H6', pack 'V', $ioa), $octet;
}

# Sends a command: 'refused' if gate104 answers, else what the station was made to answer
# comes back to the master: 'done'.
sub ask {
    my ($m, $s, $asdu) = @_;
    $m->send($m->i($asdu));
    for (1 .. 300) {
        return 'refused' if $m->until_asdu(qr/^2d01(?:47|49)/, 0.03);
        next if !defined $s->until_asdu(qr/^\Q$asdu\E/, 0.03);
        my $answer = $asdu =~ s/^(....)0([68])/$1 . '0' . ($2 + 1)/er;
        $s->send($s->i($answer));
        return $m->until_asdu(qr/^\Q$answer\E/) ? 'done' : 'no answer';
    }
    return 'lost';
}

sub reload {
    my ($w) = @_;
    my ($status, $out, $err) = run_command([ bin('gate104'), '-s', "$w->{dir}/run/control", 'reload' ]);
    return wantarray ? ($status, "$out$err") : $status;
}

sub routes_of {
    my ($w) = @_;
    my (undef, $out) = run_command([ bin('gate104'), '-s', "$w->{dir}/run/control", 'status', '--json' ]);
    return map { $_->{name} => $_ } @{ (eval { decode_json($out) } // {})->{routes} // [] };
}

sub of_event { my ($w, $event) = @_; return grep { $_->{event} eq $event } records($w->{dir}) }
sub hash_of { return sha256_hex(slurp($_[0])) }
sub rules { return 'control = { default = "refuse"; rules = (' . join(', ', @_) . "); };\n" }
sub rule { my ($name, $ioa, $more) = (@_, ''); return qq({ name = "$name"; types = [ "C_SC_NA_1" ]; ioa = [ $ioa ]; $more }) }

subtest 'a session goes on with another policy' => sub {
    my $w = world([ { name => 'a', policy_text => rules(rule('one', 1)) } ]);
    my ($m, $s) = session($w, 'a');
    my $old = hash_of($w->{policy}[0]);
    is(ask($m, $s, single(1, $ON)) . ' ' . ask($m, $s, single(2, $ON)), 'done refused', 'before');
    spew($w->{policy}[0], rules(rule('two', 2)));
    my $new = hash_of($w->{policy}[0]);
    my ($status, $text) = reload($w);
    is($status, 0, 'it is taken') or diag $text;
    like($text, qr/new policies of 1 route/, 'as it says');
    is(ask($m, $s, single(1, $ON)) . ' ' . ask($m, $s, single(2, $ON)), 'refused done', 'at once, in the session that runs');
    my %r = routes_of($w);
    is($r{a}{policy_sha256}, $new, 'the status has its hash');
    my ($accepted, $again) = of_event($w, 'policy.accepted');
    my ($used) = of_event($w, 'policy.reloaded');
    is_deeply([ @$accepted{qw(route old_policy_sha256 policy_sha256 mode)} ], [ 'a', $old, $new, 'enforce' ], 'it was recorded');
    is($again, undef, 'once');
    is_deeply([ @$used{qw(route old_policy_sha256 policy_sha256 mode count)} ], [ 'a', $old, $new, 'enforce', 1 ], 'and when it was used');
    my ($after) = grep { $_->{event} eq 'policy.refused' && $_->{ioa} == 1 } records($w->{dir});
    ok($accepted->{seq} < $used->{seq} && $used->{seq} < $after->{seq}, 'in this order');
    is(scalar reload($w), 0, 'nothing new');
    is(scalar(of_event($w, 'policy.accepted')), 1, 'is no change');
    spew($w->{policy}[0], rules(rule('one', 1)));
    is(scalar reload($w), 0, 'and back');
    is(ask($m, $s, single(2, $ON)) . ' ' . ask($m, $s, single(1, $ON)), 'refused done', 'in the same session');

    spew($w->{policy}[0], "# a remark\n" . rules(rule('one', 1)));
    is(scalar reload($w), 0, 'a remark');
    %r = routes_of($w);
    is($r{a}{policy_sha256}, hash_of($w->{policy}[0]), 'gives another hash');
    like((of_event($w, 'policy.accepted'))[-1]{detail}, qr/^the same rules$/, 'which is said');

    kill 'KILL', proc_of_role($w->{gate}, 'gate');
    ok($m->ended, 'the gate is killed');
    spew($w->{policy}[0], 'not a policy');
    ($m, $s) = wait_until(sub { my @e = Raw104->through($w->{a}{port}, $pki, $w->{a}{rtu}); @e ? \@e : undef })->@*;
    is(ask($m, $s, single(2, $ON)) . ' ' . ask($m, $s, single(1, $ON)), 'refused done', 'the next one has the newest good policy');
    stop_process($w->{gate}, 'TERM');
    is_deeply([ log_faults($w->{dir}) ], [], 'the chain is whole');
};

subtest 'what is wrong changes nothing' => sub {
    my $w = world([ map { { name => $_, policy_text => rules(rule('one', 1)) } } qw(a b) ]);
    my ($m, $s) = session($w, 'a');
    my $old = hash_of($w->{policy}[0]);
    spew($w->{policy}[0], rules(rule('two', 2)));
    spew($w->{policy}[1], "control = { default = \"refuse\"; };\nmonitr = 1;\n");
    my ($status, $text) = reload($w);
    is($status, 1, 'one bad file of two');
    like($text, qr/policy-1\.policy:2/, 'file and line');
    is(ask($m, $s, single(2, $ON)) . ' ' . ask($m, $s, single(1, $ON)), 'refused done', 'the other policy stays, too');
    my %r = routes_of($w);
    is($r{a}{policy_sha256}, $old, 'as the status says');
    my ($fault) = grep { $_->{route} eq 'b' } of_event($w, 'policy.reload-failed');
    is_deeply([ @$fault{qw(old_policy_sha256 policy_sha256 why)} ], [ $old, hash_of($w->{policy}[1]), 'invalid' ], 'the log has what is used, what was not, and why');
    like($fault->{detail}, qr/no such key.*policy-1\.policy:2/, 'with file and line');
    is(scalar(of_event($w, 'policy.reload-failed')), 2, 'for each route');
    is(scalar(of_event($w, 'policy.accepted')), 0, 'nothing was accepted');
    spew($w->{policy}[1], rules(rule('two', 2)));
    is(scalar reload($w), 0, 'both good');
    is(ask($m, $s, single(2, $ON)), 'done', 'both are used');
    ($m, $s) = session($w, 'b');
    is(ask($m, $s, single(2, $ON)), 'done', 'by both gates');
    stop_process($w->{gate}, 'TERM');
};

subtest 'a gate that does not make it' => sub {
    my $w = world([ map { { name => $_, policy_text => rules(rule('one', 1)) } } qw(a b) ]);
    my ($m, $s) = session($w, 'a');
    my ($b) = grep { role_of($_) eq 'gate-1' } proc_of_role($w->{gate}, 'gate');
    kill 'STOP', $b;
    spew($_, rules(rule('two', 2))) for @{ $w->{policy} };
    my $p = spawn_process([ bin('gate104'), '-s', "$w->{dir}/run/control", 'reload' ]);
    ok(wait_record($w->{dir}, { event => 'policy.accepted', route => 'a' }), 'one gate is ready');
    is(ask($m, $s, single(1, $ON)), 'done', 'and waits for the other');
    kill 'KILL', $b;
    is(stop_process($p), 1 << 8, 'which ends: nothing is taken');
    like(slurp($p->{err}) . slurp($p->{out}), qr/gate-1 ended/, 'and it is said why');
    is(ask($m, $s, single(2, $ON)) . ' ' . ask($m, $s, single(1, $ON)), 'refused done', 'the first gate has the old policy');
    is_deeply([ sort map { "$_->{route} $_->{why}" } of_event($w, 'policy.reload-failed') ], [ 'a gate-ended', 'b gate-ended' ], 'the log has it');
    ok(wait_record($w->{dir}, { event => 'system.process-started', process => 'gate-1' }), 'it is back');
    is(scalar reload($w), 0, 'the next time it works');
    is(ask($m, $s, single(2, $ON)), 'done', 'in the first');
    ($m, $s) = wait_until(sub { my @e = Raw104->through($w->{b}{port}, $pki, $w->{b}{rtu}); @e ? \@e : undef })->@*;
    is(ask($m, $s, single(2, $ON)), 'done', 'and in the other');
    stop_process($w->{gate}, 'TERM');
};

subtest 'selects and rates go on' => sub {
    my @text = (rule('breaker', '"1-9"', 'select = "required";'), rule('often', 20, 'rate = "2/h"; rate_per = "point";'));
    my $w = world([ { name => 'a', policy_text => rules(@text) } ]);
    my ($m, $s) = session($w, 'a');
    is(ask($m, $s, single(1, $SELECT_ON)), 'done', 'a select');
    is(ask($m, $s, single(20, $ON)), 'done', 'one of two');
    spew($w->{policy}[0], rules(rule('before', 30), @text));
    is(scalar reload($w), 0, 'a rule in front');
    is(ask($m, $s, single(1, $ON)), 'done', 'what was selected is');
    is(ask($m, $s, single(1, $ON)), 'refused', 'once');
    is(ask($m, $s, single(20, $ON)), 'done', 'the second');
    is(ask($m, $s, single(20, $ON)), 'refused', 'there is no third');
    spew($w->{policy}[0], rules($text[0], $text[1] =~ s/often/seldom/r));
    is(scalar reload($w), 0, 'another name');
    is(ask($m, $s, single(20, $ON)), 'refused', 'is not another rule');
    spew($w->{policy}[0], rules($text[0], $text[1] =~ s/20/"20-21"/r));
    is(scalar reload($w), 0, 'other addresses');
    is(ask($m, $s, single(20, $ON)), 'done', 'are, and it is counted anew');
    stop_process($w->{gate}, 'TERM');
};

subtest 'from observe to enforce' => sub {
    my $w = world([ { name => 'a', enforce => \'false', policy_text => rules(rule('one', 1)) } ]);
    my ($m, $s) = session($w, 'a');
    is(ask($m, $s, single(2, $ON)), 'done', 'observed');
    my $conf = slurp("$w->{dir}/gate104.conf");
    spew("$w->{dir}/gate104.conf", $conf =~ s/enforce = false/enforce = true/r);
    my ($status, $text) = reload($w);
    is($status, 0, 'to be enforced');
    unlike($text, qr/restart/, 'needs no restart');
    is(ask($m, $s, single(2, $ON)) . ' ' . ask($m, $s, single(1, $ON)), 'refused done', 'it is, in the session that runs');
    my %r = routes_of($w);
    is($r{a}{mode}, 'enforce', 'the status says so');
    my ($r) = of_event($w, 'policy.accepted');
    is("$r->{mode}, $r->{detail}", 'enforce, the same rules, enforced from now on', 'and the log');
    spew("$w->{dir}/gate104.conf", $conf =~ s/mode = "protect-rtu"/mode = "protect-rtu"; k = 20; w = 10/r);
    ($status, $text) = reload($w);
    like("$status $text", qr/^0 .*restart to use the new routes/s, 'back, with another k, which waits');
    is(ask($m, $s, single(2, $ON)), 'done', 'observed again');
    stop_process($w->{gate}, 'TERM');
};

subtest 'who asks is asked again' => sub {
    my $w = world([ { name => 'a', policy_text => rules(rule('one', 1)) } ]);
    my ($m, $s) = session($w, 'a');
    for my $case ([ 'from = [ "10.0.0.0/8" ];', 'refused', 'from elsewhere' ], [ 'from = [ "127.0.0.0/8" ];', 'done', 'from here' ],
                  [ 'peers = [ "dns:nobody.example" ];', 'refused', 'for somebody else' ], [ 'roles = [ "OPERATOR" ];', 'refused', 'for a role' ]) {
        my ($key, $want, $words) = @$case;
        spew($w->{policy}[0], rules(rule('one', 1, $key)));
        my ($status, $text) = reload($w);
        is($status, 0, $words) or diag $text;
        is(ask($m, $s, single(1, $ON)), $want, "... $want");
    }
    my $conf = slurp("$w->{dir}/gate104.conf");
    spew("$w->{dir}/gate104.conf", $conf =~ s/mode = "protect-rtu"/mode = "protect-rtu"; no_role = "OPERATOR"/r);
    is(scalar reload($w), 0, 'a role for who has none');
    is(ask($m, $s, single(1, $ON)), 'done', 'is one at once');
    stop_process($w->{gate}, 'TERM');
};

subtest 'a command that waits for its record' => sub {
    my $w = world([ map { { name => $_, policy_text => rules(rule('one', 1), rule('two', 2)) } } qw(a b) ]);
    my ($m, $s) = session($w, 'a');
    my ($b)     = grep { role_of($_) eq 'gate-1' } proc_of_role($w->{gate}, 'gate');
    my ($audit) = proc_of_role($w->{gate}, 'audit');
    my $value = '0101030001000b000001';
    kill 'STOP', $b;
    spew($_, rules(rule('two', 2))) for @{ $w->{policy} };
    my $p = spawn_process([ bin('gate104'), '-s', "$w->{dir}/run/control", 'reload' ]);
    ok(wait_record($w->{dir}, { event => 'policy.accepted', route => 'a' }), 'its gate is ready');
    kill 'STOP', $w->{gate}{pid};
    kill 'CONT', $b;
    ok(wait_record($w->{dir}, { event => 'policy.accepted', route => 'b' }), 'and so is the other');
    is(ask($m, $s, single(1, $ON)), 'done', 'of whose record audit has told by now');
    kill 'STOP', $audit;
    $s->send($s->i($value));
    ok($m->until_asdu(qr/^$value/), 'a value');
    $m->send($m->i(single(1, $ON)));
    ok($s->until_apdu('680401000400'), 'what a command acknowledges says that it has come');
    kill 'CONT', $w->{gate}{pid};
    is(stop_process($p), 0, 'the policy is used');
    kill 'CONT', $audit;
    is($m->until_asdu(qr/^2d01/), single(1, $ON, 0x47), 'the command is judged by it');
    my $c = (of_event($w, 'op.command'))[-1];
    my $r = wait_record($w->{dir}, { event => 'policy.refused' });
    is_deeply([ @$r{qw(command_seq why rule)} ], [ $c->{seq}, 'policy', 'default' ], 'refused, with the record that it had');
    like($r->{detail}, qr/^judged again/, 'and it is said');
    is(wait_record($w->{dir}, { event => 'op.closed', command_seq => $c->{seq} })->{outcome}, 'not-forwarded', 'and so is its end');
    is(ask($m, $s, single(2, $ON)), 'done', 'the session goes on');
    is(scalar(of_event($w, 'log.gap')), 0, 'no record was lost');
    stop_process($w->{gate}, 'TERM');
};

subtest 'a command that waits for its record when commands end' => sub {
    my $w = world([ { name => 'a', policy_text => rules(rule('one', 1)) } ]);
    my ($m, $s) = session($w, 'a');
    my ($audit) = proc_of_role($w->{gate}, 'audit');
    my $value = '0101030001000b000001';
    my @control = (bin('gate104'), '-s', "$w->{dir}/run/control");
    kill 'STOP', $audit;
    $s->send($s->i($value));
    ok($m->until_asdu(qr/^$value/), 'a value');
    $m->send($m->i(single(1, $ON)));
    ok($s->until_apdu('680401000200'), 'what a command acknowledges says that it has come');
    is((run_command([ @control, qw(monitor-only on a) ]))[0], 0, 'an operator ends commands');
    ok(wait_until(sub { (run_command([ @control, 'sessions' ]))[1] =~ /NO COMMANDS/ }), 'the gate knows');
    kill 'CONT', $audit;
    is($m->until_asdu(qr/^2d01/), single(1, $ON, 0x47), 'the command is refused');
    is(wait_record($w->{dir}, { event => 'policy.refused' })->{why}, 'operator', 'and it is said why');
    stop_process($w->{gate}, 'TERM');
};

subtest 'a log that cannot be written' => sub {
    my $w = world([ { name => 'a', policy_text => rules(rule('one', 1)) } ]);
    my ($m, $s) = session($w, 'a');
    my ($audit) = proc_of_role($w->{gate}, 'audit');
    kill 'STOP', $audit;
    spew($w->{policy}[0], rules(rule('two', 2)));
    my ($status, $text) = reload($w);
    is($status, 1, 'no new policy without a record');
    like($text, qr/its record cannot be written/, 'as it says');
    kill 'CONT', $audit;
    ok(wait_record($w->{dir}, { event => 'policy.reload-failed', why => 'gate-refused' }), 'and so does the log, later');
    ok(wait_until(sub { my @e = of_event($w, 'log.monitor-only-on'); !@e || of_event($w, 'log.monitor-only-off') }), 'the log works again');
    is(ask($m, $s, single(2, $ON)) . ' ' . ask($m, $s, single(1, $ON)), 'refused done', 'the old one holds');
    is(scalar reload($w), 0, 'now it is taken');
    is(ask($m, $s, single(2, $ON)), 'done', 'and used');
    stop_process($w->{gate}, 'TERM');
};
done_testing;

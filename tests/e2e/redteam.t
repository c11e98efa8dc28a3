#!/usr/bin/perl
# A tls worker that was taken over, in the midst of the rest of gate104 as it is: it can say
# what it likes in the name of a peer of its route, and that is all.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Puppet;
use Test::More;

die "the puppet is not built: make programs\n" if !-x bin('redteam/gate104-tls');
my @rtu  = map { start_rtu() } 0, 1;
my @port = map { free_port() } 0, 1;
Puppet::take_over();
my $dir  = write_config(routes => [ map { { name => "r$_", mode => 'protect-rtu', listen => ["127.0.0.1:$port[$_]"], rtu => ["127.0.0.1:$rtu[$_]{port}"] } } 0, 1 ]);
my $gate = start_gate104($dir);
my @roles = qw(gate signer broker audit);
sub standing { return join ' ', map { "$_: " . join(',', sort { $a <=> $b } proc_of_role($gate, $_)) } @roles }
sub fresh { return wait_until(sub { Puppet->start($port[0]) }) }
# An I-frame; the select-free single command on an object.
sub i_frame { my ($ns, $asdu) = @_; my $b = pack 'CCvv', 0x68, 4 + length($asdu) / 2, 2 * $ns, 0; return unpack('H*', $b) . $asdu }
sub single { my ($ioa) = @_; return '2d0106000100' . unpack('H*', substr pack('V', $ioa), 0, 3) . '01' }

my $before = standing();

# ---- what it can, and no more ----

my $p = fresh();
$p->send(i_frame(0, single(1001)));
ok(defined $p->until(qr/^68.{10}2d01(?:07|47)/), 'under a forged name: what the policy allows is done');
$p->send(i_frame(1, single(5000)));
ok(defined $p->until(qr/2d01[4-7a-f].{7}881300/), 'and what it does not allow is refused');
ok(wait_record($dir, { event => 'policy.refused', route => 'r0' }), 'and recorded');
ok((grep { ($_->{subject} // $_->{peer} // '') =~ /forged/ || grep { ref eq 'HASH' ? 0 : ($_ // '') =~ /CN=forged/ } values %$_ } records($dir)), 'under the name that it gave');

# ---- offences: each ends the worker, by name ----

my $identity = pack('V', 0) . 'garbage';
my %OFFENCE = (
    'g: an identity a second time'         => [ 'g', Puppet::packet(32, $identity) ],
    'g: a message that is the gate\'s'     => [ 'g', Puppet::packet(36, pack 'H*', '680407000000') ],
    'g: a message of no kind'              => [ 'g', Puppet::packet(999, 'x') ],
    'g: a record for the log'              => [ 'g', Puppet::packet(64, 'x' x 40) ],
    'g: a descriptor that is none'         => [ 'g', Puppet::packet(18, 'x' x 40) ],
    'g: a length that is not so'           => [ 'g', pack('vv', 34, 400) . 'x' x 40 ],
    'g: a header alone, cut'               => [ 'g', "\x22" ],
    'g: more than a message can be'        => [ 'g', pack('vv', 34, 8000) . 'x' x 8000 ],
    's: a request with a gap'              => [ 's', Puppet::packet(48, pack('VvvVV', 1, 0, 0x0403, 130, 5) . 'x') ],
    's: more content than there can be'    => [ 's', Puppet::packet(48, pack('VvvVV', 1, 0, 0x0403, 0xffffffff, 0) . 'x') ],
    's: a message that is the signer\'s'   => [ 's', Puppet::packet(51, 'x' x 54) ],
    's: the stores emptied'                => [ 's', Puppet::packet(55, '') ],
    'b: a session of its own'              => [ 'b', Puppet::packet(16, 'x' x 40) ],
    'b: a dial'                            => [ 'b', Puppet::packet(20, pack 'Q', 1) ],
    'b: the end of sessions of others'     => [ 'b', Puppet::packet(24, pack 'Q', 1) ],
    'm: ready a second time'               => [ 'm', Puppet::packet(6, '') ],
    'm: a channel'                         => [ 'm', Puppet::packet(3, 'x' x 8) ],
    'm: what a gate says of its sessions'  => [ 'm', Puppet::packet(82, 'x' x 4) ],
    'm: a record'                          => [ 'm', Puppet::packet(64, 'x' x 40) ],
);
my $named = sub { my %n; $n{ $_->{process} // '' }++ for grep { $_->{event} eq 'system.ipc-violation' } records($dir); return %n };
my $count = 0;
for my $name (sort keys %OFFENCE) {
    my $q = fresh() or do { fail("$name: no worker"); next };
    $q->raw(@{ $OFFENCE{$name} });
    ok($q->ended, "$name: ends it");
    $count++;
    ok(wait_until(sub { my %n = $named->(); my $sum = 0; $sum += $_ for values %n; $sum >= $count }), "$name: and is in the log");
}
is(join(' ', grep { !/^tls-\d+$/ } keys %{ { $named->() } }), '', 'the log names nobody but workers');

# ---- octets that are no 104, closes at odd moments ----

srand 104;
for my $n (1 .. 30) {
    my $q = fresh() or last;
    $q->message('g', 34, join '', map { chr int rand 256 } 1 .. 1 + int rand 1000);
    # Sometimes it was the beginning of a frame that does not come to its end.
    undef $q;
    my $r = Puppet->connect($port[0]);
    $r->raw('i', 'CN=gone') if $r && $n % 2;
    $r->send('6804') if $r && $n % 3 == 0;
}
my $q = fresh();
$q->send(i_frame($_, single(5000 + $_))) for 0 .. 11;
ok(defined $q->until(qr/2d01[4-7a-f].{7}931300/), 'a flood of commands is refused, to the last');
my $r = fresh();
$r->message('m', 9, "gate-0: forged line\n") for 1 .. 500;
$r->send(i_frame(0, single(1001)));
ok(defined $r->until(qr/2d01/), 'a flood of notes stops nobody');
unlike(slurp($gate->{err}), qr/^(?:gate104d: )?gate-0: forged/m, 'and no line of them is in the name of another');

# ---- the rest of it ----

ok($gate && kill(0, $gate->{pid}), 'the monitor is up');
is(standing(), $before, 'no other process was ended');
my $last = fresh();
ok(defined $last, 'and new ones are served');
stop_process($gate, 'TERM');
my ($status, $out, $err) = run_command([ bin('gate104'), 'log', 'verify', "$dir/log" ]);
is($status, 0, 'the log is whole') or diag "$out$err";
my (@wrong, $seen);
for my $s (@rtu) {
    my @sent = asdus_received(json_lines(slurp($s->{out})));
    $seen += @sent;
    push @wrong, grep { !/^2d0106(?:00)?0100e90300/ } @sent;
}
cmp_ok($seen, '>', 0, 'commands reached the RTUs');
is("@wrong", '', 'no command but the one that is allowed reached an RTU');
done_testing;

#!/usr/bin/perl
# How refused commands are answered: each rule in its own way, and what no rule speaks of
# as the route wants it.  The link stays, and the RTU sees none of them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Raw104;
use Test::More;

my $pki = pki();
my $rtu = Raw104->listener;
my %port = map { $_ => free_port() } qw(plain mirror);
my $policy = <<'P';
control = { default = "refuse"; rules = (
  { name = "levels"; types = [ "C_SE_NC_1" ]; ca = [ 1 ]; ioa = [ 1301 ]; value = [ 0.0, 110.0 ]; },
  { name = "silent"; types = [ "C_SC_NA_1" ]; ca = [ 1 ]; ioa = [ 7 ]; action = "drop"; },
  { name = "never"; types = [ "C_SC_NA_1" ]; ca = [ 1 ]; ioa = [ 8 ]; action = "close"; },
  { name = "feeder"; types = [ "C_SC_NA_1" ]; ca = [ 1 ]; ioa = [ 1001 ]; } ); };
P
my $dir = write_config(routes => [ map { { name => $_, mode => 'protect-rtu', listen => ["127.0.0.1:$port{$_}"],
    rtu => ["127.0.0.1:$rtu->{port}"], mirror_unknown => $_ eq 'mirror' ? \'true' : \'false', policy_text => $policy } } sort keys %port ]);
my $gate = start_gate104($dir);

sub session {
    my ($name) = @_;
    my @ends = Raw104->through($port{$name}, $pki, $rtu);
    return @ends ? @ends : BAIL_OUT("$name: no session");
}

sub single { return '2d0106000100' . unpack('H*', pack 'v', $_[0]) . '0001' }
my $level   = '320106000100' . unpack('H*', pack 'v', 1301) . '00' . unpack('H*', pack 'f<', 200) . '00';
my $double  = '2e0106000100e9030001';
my $all     = '2d010600ffffe9030001';    # to all stations

# The cause and P/N bit of what comes back.
sub cause { my ($m, $asdu) = @_; my $answer = $m->command($asdu, 3) // return 'none'; return substr $answer, 4, 2 }

for my $case ([ 'plain', '47', '47', '47' ], [ 'mirror', '6f', '6c', '47' ]) {
    my ($name, $object, $type, $value) = @$case;
    subtest $name => sub {
        my ($m, $s) = session($name);
        is(cause($m, single(1002)), $object, 'an object of which no rule speaks');
        is(cause($m, $double),      $type,   'a type of which no rule speaks');
        is(cause($m, $level),       $value,  'a value beyond its range is no unknown object');
        is($m->command(single(7), 1), undef, 'a rule that drops: no answer');
        is($m->command($all, 1), undef, 'to all stations: no answer');
        is(cause($m, single(1002)), $object, 'and the link goes on');
        $m->send($m->i(single(1001)));
        ok($s->until_asdu(qr/^2d0106000100e903/), 'what is allowed arrives');
        unlike($s->{in}, qr/2d0106|2e0106|320106/, 'nothing else does');
        $m->send($m->i(single(8)));
        ok($m->ended && $s->ended, 'a rule that closes: both legs end');
    };
}
my @log = records($dir);
is(scalar(grep { $_->{event} eq 'policy.refused' } @log), 8, 'a record for each refusal by policy');
is(join(' ', map { "$_->{rule} $_->{verdict}" } grep { $_->{event} eq 'policy.dropped' } @log),
    'silent drop never close silent drop never close', 'and for what was dropped or closed');
is(stop_process($gate, 'TERM'), 0, 'clean stop');
done_testing;

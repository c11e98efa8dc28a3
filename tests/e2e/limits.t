#!/usr/bin/perl
# Select before operate and rates: what a rule lets pass only after something else, or only
# so often.  The master gets an answer, the RTU sees nothing, the log says why.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Raw104;
use Test::More;

my $pki = pki();
my $rtu = Raw104->listener;
my %port = map { $_ => free_port() } qw(enforce observe short);
my $policy = <<'P';
control = { default = "refuse"; rules = (
  { name = "breaker"; types = [ "C_SC_NA_1", "C_SC_TA_1" ]; ioa = [ "1-9" ]; select = "required"; },
  { name = "direct";  types = [ "C_SC_NA_1" ]; ioa = [ 20 ]; select = "forbidden"; },
  { name = "point";   types = [ "C_SC_NA_1" ]; ioa = [ "30-39" ]; rate = "2/h"; rate_per = "point"; },
  { name = "session"; types = [ "C_SC_NA_1" ]; ioa = [ "40-49" ]; rate = "3/d"; },
  { name = "peer";    types = [ "C_SC_NA_1" ]; ioa = [ "50-59" ]; rate = "3/d"; rate_per = "peer"; } ); };
P
my $dir = write_config(routes => [ map { { name => $_, mode => 'protect-rtu', listen => ["127.0.0.1:$port{$_}"],
    rtu => ["127.0.0.1:$rtu->{port}"], enforce => $_ eq 'observe' ? \'false' : \'true',
    policy_text => $_ eq 'short' ? $policy =~ s/rules/select_timeout = 1; rules/r : $policy } } sort keys %port ]);
my $gate = start_gate104($dir);

sub session {
    my ($name) = @_;
    my @ends = Raw104->through($port{$name}, $pki, $rtu);
    return @ends ? @ends : BAIL_OUT("$name: no session");
}

sub single {
    my ($ioa, $octet, $cause) = @_;
    return sprintf '2d01%02x000100%s%02x', $cause // 6, unpack('H6', pack 'V', $ioa), $octet;
}
my ($ON, $OFF, $SELECT_ON, $SELECT_OFF) = (0x01, 0x00, 0x81, 0x80);

# Sends a command: 'refused' if gate104 answers, else what the station was made to answer
# comes back to the master: 'done'.
sub ask {
    my ($m, $s, $asdu, $answer) = @_;
    $m->send($m->i($asdu));
    for (1 .. 200) {
        return 'refused' if $m->until_asdu(qr/^2d01(?:47|49)/, 0.03);
        next if !defined $s->until_asdu(qr/^\Q$asdu\E/, 0.03);
        $answer //= $asdu =~ s/^(....)0([68])/$1 . '0' . ($2 + 1)/er;
        $s->send($s->i($answer));
        return $m->until_asdu(qr/^\Q$answer\E/) ? 'done' : 'no answer';
    }
    return 'lost';
}

# The words of so many records; a refusal is told before its record is written.
sub why {
    my ($event, $n, $only) = @_;
    my @why;
    wait_until(sub { @why = grep { !$only || $_ eq $only } map { $_->{why} } grep { $_->{event} eq $event } records($dir); @why >= $n });
    return @why;
}

subtest 'select before operate' => sub {
    my ($m, $s) = session('enforce');
    is(ask($m, $s, single(1, $ON)), 'refused', 'an execute without a select');
    is(ask($m, $s, single(1, $SELECT_ON)), 'done', 'a select');
    is(ask($m, $s, single(1, $OFF)), 'refused', 'an execute of another value');
    is(ask($m, $s, single(2, $ON)), 'refused', 'of another point');
    is(ask($m, $s, single(1, $ON)), 'done', 'of what was selected');
    is(ask($m, $s, single(1, $ON)), 'refused', 'once only');
    is(ask($m, $s, single(3, $SELECT_ON), single(3, $SELECT_ON, 0x47)), 'done', 'a select that the station refuses');
    is(ask($m, $s, single(3, $ON)), 'refused', 'selects nothing');
    is(ask($m, $s, single(4, $SELECT_ON)), 'done', 'a select');
    is(ask($m, $s, single(4, $SELECT_ON, 8)), 'done', 'taken back: that passes');
    is(ask($m, $s, single(4, $ON)), 'refused', 'and it is no select any more');
    is(ask($m, $s, single(6, $SELECT_ON)), 'done', 'a select in this session');
    my ($m2, $s2) = session('enforce');
    is(ask($m2, $s2, single(6, $ON)), 'refused', 'is none in another');
    is(ask($m, $s, single(6, $ON)), 'done', 'and holds in its own');
    is(ask($m, $s, single(20, $SELECT_ON)), 'refused', 'a select where it is forbidden');
    is(ask($m, $s, single(20, $ON)), 'done', 'but not the command');
    is(join(' ', why('policy.refused', 8)), 'no-select select-different no-select no-select no-select no-select no-select select-forbidden',
        'the log says why');
};

subtest 'a select whose time is over' => sub {
    my ($m, $s) = session('short');
    is(ask($m, $s, single(5, $SELECT_ON)), 'done', 'a select');
    sleep 2;    # what is tested is that time passes
    is(ask($m, $s, single(5, $ON)), 'refused', 'is none any more');
    is(scalar(why('policy.refused', 1, 'select-late')), 1, 'the log says why');
};

subtest 'rates' => sub {
    my ($m, $s)   = session('enforce');
    my ($m2, $s2) = session('enforce');
    is(join(' ', map { ask($m, $s, single(30, $_)) } $ON, $OFF, $ON), 'done done refused', 'two for a point');
    is(ask($m2, $s2, single(30, $ON)), 'refused', 'whoever asks');
    is(ask($m, $s, single(31, $ON)), 'done', 'and two for each other point');
    is(ask($m, $s, single(30, $ON, 8)), 'done', 'to take back is always in order');
    is(join(' ', map { ask($m, $s, single($_, $ON)) } 40 .. 43), 'done done done refused', 'three for a session');
    is(ask($m2, $s2, single(44, $ON)), 'done', 'and for each other one');
    is(join(' ', map { ask($m, $s, single($_, $ON)) } 50 .. 51), 'done done', 'three for a peer');
    is(join(' ', map { ask($m2, $s2, single($_, $ON)) } 52 .. 53), 'done refused', 'over all its sessions');
    is(scalar(why('policy.refused', 4, 'rate')), 4, 'the log says why');
};

subtest 'observed' => sub {
    my ($m, $s) = session('observe');
    is(ask($m, $s, single(1, $ON)), 'done', 'it passes');
    is(join(' ', why('policy.would-refuse', 1)), 'no-select', 'and the log says what it would have been');
};
is(stop_process($gate, 'TERM'), 0, 'clean stop');
done_testing;

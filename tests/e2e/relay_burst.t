#!/usr/bin/perl
# A master with a large window sends more forbidden commands at once than records can wait
# for the log: each is recorded all the same and answered in its turn, events of the RTU are
# not held up by it, and a log that hangs costs commands, not events.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Raw104;
use Test::More;

my $BURST = 1_000;
my $pki   = pki();
my $rtu   = Raw104->listener;
my $port  = free_port();
my $dir   = write_config(routes => [ { name => 'r', mode => 'protect-rtu', listen => ["127.0.0.1:$port"],
    rtu => ["127.0.0.1:$rtu->{port}"], k => 1100, w => 700, policy_text => <<'P' } ]);
control = { default = "refuse"; rules = (); };
P
my $gate = start_gate104($dir);
my $m    = Raw104->connect_tls($port, $pki);
$m->send($Raw104::STARTDT_ACT);
my $s = Raw104->accept($rtu);
$s->started && $m->until_apdu($Raw104::STARTDT_CON) or BAIL_OUT('no session');

# A single command to a point, and an event of it.
sub command_to { return '2d0106000100' . unpack('H*', pack 'v', $_[0]) . '0001' }
sub event_of   { return '010103000100' . unpack('H*', pack 'v', $_[0]) . '0001' }

# Takes I-frames until so many refusals and events came in all; the points of each.
my (@refused, @events);

sub take_until {
    my ($refused, $events) = @_;
    my $end = time + 30;
    while ((@refused < $refused || @events < $events) && time < $end) {
        my $apdu = $m->next_apdu($end - time) // last;
        last if $apdu eq 'end';
        next if hex(substr $apdu, 4, 2) & 1;
        my $point = unpack 'v', pack 'H*', substr $apdu, 24, 4;
        push @refused, $point if substr($apdu, 12, 8) eq '2d014700';
        push @events,  $point if substr($apdu, 12, 2) eq '01';
        $m->send($m->ack) if (@refused + @events) % 200 == 0;
    }
    $m->send($m->ack);
    return;
}

# ---- with a log that works ----

$s->send(map { $s->i(event_of($_)) } 1 .. 100);
$m->send(map { $m->i(command_to($_)) } 1 .. $BURST);
$s->send(map { $s->i(event_of($_)) } 101 .. 200);
take_until($BURST, 200);
is("@refused", join(' ', 1 .. $BURST), "each of $BURST commands at once got its refusal, in order");
is("@events", join(' ', 1 .. 200), 'and every event of the RTU came');
$s->fill(0.2);
unlike($s->{in}, qr/2d01/, 'nothing reached the RTU');

# ---- with one that hangs ----

my ($audit) = proc_of_role($gate, 'audit');
kill 'STOP', $audit;
$m->send(map { $m->i(command_to($_)) } 1 .. $BURST);
$s->send(map { $s->i(event_of($_)) } 201 .. 300);
take_until(0, 300);
is("@events", join(' ', 1 .. 300), 'events pass while the log hangs');
take_until(2 * $BURST, 300);
is("@refused", join(' ', 1 .. $BURST, 1 .. $BURST), 'and the commands are refused in the end');
ok(wait_for_text($gate->{err}, qr/^gate-0: ALARM: .*monitor-only/m), 'with an alarm');
kill 'CONT', $audit;
ok(wait_for_text($gate->{err}, qr/^gate-0: the log works again/m), 'until the log works again');

stop_process($gate, 'TERM');
my @log  = records($dir);
my ($gap) = grep { $log[$_]{event} eq 'log.gap' } 0 .. $#log;
my $sure = grep { $_->{event} eq 'policy.refused' } @log[ 0 .. ($gap // @log) - 1 ];
cmp_ok($sure, '>=', $BURST, 'no record of the first burst is missing');
my $told = grep { $_->{event} eq 'policy.refused' } @log;
$told += $_->{count} for grep { $_->{event} eq 'log.gap' } @log;
cmp_ok($told, '>=', 2 * $BURST, 'what could not be written while it hung is counted');
done_testing;

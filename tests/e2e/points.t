#!/usr/bin/perl
# Records of the values that stations tell: what a route asks for is recorded, what is more
# than the log shall take is counted to the last one, and no command waits for any of it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Raw104;
use Test::More;

my $pki = pki();
my $rtu = Raw104->listener;
my @names = qw(none changes all slow);
my %port  = map { $_ => free_port() } @names;
my %points = (none => [], changes => [ record_points => 'changes' ], all => [ record_points => 'all' ],
              slow => [ record_points => 'changes', points_per_second => 50 ]);
my $dir = write_config(routes => [
    map { { name => $_, mode => 'protect-rtu', listen => ["127.0.0.1:$port{$_}"], rtu => ["127.0.0.1:$rtu->{port}"],
            k => 4000, w => 1000, @{ $points{$_} } } } @names ]);
my $gate = start_gate104($dir);

sub session {
    my ($route) = @_;
    my $m = Raw104->connect_tls($port{$route}, $pki) or die 'no TLS';
    $m->send($Raw104::STARTDT_ACT);
    my $s = Raw104->accept($rtu) or die 'no session';
    $s->started && $m->until_apdu($Raw104::STARTDT_CON) or die 'no STARTDT';
    return ($m, $s);
}

sub of_client { my ($m, $event) = @_; return grep { $_->{event} eq $event } records_of_client($dir, $m->{port}) }

sub ends {
    my ($m) = @_;
    $m->close;
    return wait_until(sub { of_client($m, 'session.close') });
}

# M_SP_NA_1 with n objects.
sub points {
    my ($cause, $ioa, @values) = @_;
    my $n = 0;
    return unpack 'H*', pack('CCCCv', 1, scalar @values, $cause, 0, 1) . join '', map { pack 'vCC', $ioa + $n++, 0, $_ } @values;
}

# One of each cause, a station's start, an answer to a command and one to nothing.
my @ASDUS = ((map { points($_, 100 + $_, 1) } 2, 3, 5, 11, 12, 20), points(3, 300, 1, 0, 1),
             '46010400010000000000', '2d0107000100e9030001');

for my $case ([ none => '' ], [ changes => '103 111 112 300 0' ], [ all => '102 103 105 111 112 120 300 0' ]) {
    my ($route, $want) = @$case;
    subtest $route => sub {
        my ($m, $s) = session($route);
        $s->send(map { $s->i($_) } @ASDUS);
        ok(defined $m->until_asdu(qr/^$ASDUS[-1]$/), 'all came through');
        ok(ends($m), 'the end');
        my @values = of_client($m, 'point.value');
        is(join(' ', map { $_->{ioa} } @values), $want, 'what is recorded');
        is(scalar of_client($m, 'log.thinned'), 0, 'all of it');
        return if !@values;
        my ($v) = grep { $_->{ioa} == 300 } @values;
        is("$v->{direction} $v->{type} $v->{cot} $v->{objects} $v->{value}", 'monitor M_SP_NA_1 spontaneous 3 1', 'taken apart');
        like($v->{apdu}, qr/$ASDUS[6]$/, 'and whole');
    };
}

subtest 'a flood of changes, and commands in the middle of it' => sub {
    my ($m, $s) = session('slow');
    my ($sent, $objects, $commands, $lost) = (0, 0, 0, 0);
    for my $turn (1 .. 20) {
        # A thousand, of one to three values.
        my @asdus = map { points(3, $_, (1) x (1 + $_ % 3)) } 1 .. 1000;
        $objects += 1 + $_ % 3 for 1 .. 1000;
        my $command = sprintf '2d0106000100%02x040001', $turn;
        $m->send($m->i($command));
        $s->send(map { $s->i($_) } @asdus);
        $sent += 1000;
        # The station has it while its flood is still on its way to the master.
        $lost++ if !defined $s->until_asdu(qr/^$command$/);
        (my $answer = $command) =~ s/^2d0106/2d0107/;
        (my $done = $command) =~ s/^2d0106/2d010a/;
        $s->send($s->i($answer), $s->i($done));
        $lost++ if !defined $m->until_asdu(qr/^$done$/);
        $m->send($m->ack);
        $commands++;
    }
    is($lost, 0, 'every command reached the station, every answer the master');
    ok(ends($m), 'the end');
    is(scalar of_client($m, 'op.command'), $commands, 'every command is in the log');
    my %outcome;
    $outcome{ $_->{outcome} }++ for of_client($m, 'op.closed');
    is_deeply(\%outcome, { executed => $commands }, 'and closed');
    my @values  = of_client($m, 'point.value');
    my @thinned = of_client($m, 'log.thinned');
    my ($count, $points) = (scalar @values, 0);
    $points += $_->{objects} // 1 for @values;
    $count  += $_->{count}        for @thinned;
    $points += $_->{points}       for @thinned;
    is($count,  $sent,    'recorded and counted are all that came');
    is($points, $objects, 'to the last value');
    cmp_ok(scalar @values, '>=', 50, 'the first have a record');
    cmp_ok(scalar @values, '<', 5000, 'the flood does not');
    is_deeply([ grep { $_->{why} ne 'rate' && $_->{why} ne 'log-behind' } @thinned ], [], 'and why');
    ok((!grep { !defined $_->{duration_ms} } @thinned), 'and in what time');
};

is(scalar(grep { $_->{event} =~ /^log\.(gap|monitor-only)/ } records($dir)), 0, 'the log kept up');
stop_process($gate, 'TERM');
is_deeply([ log_faults($dir) ], [], 'the chain is whole');

done_testing;

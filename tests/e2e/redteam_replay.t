#!/usr/bin/perl
# A tls worker that was taken over passes on the descriptors it holds, to whomever it has a
# channel to, and says again what it has said: nobody takes a descriptor from it, none stays
# open anywhere, and it ends nobody's session but its own.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Mole;
use Raw104;
use Test::More;

die "the mole is not built: make programs\n" if !-x bin('redteam/mole');
my $rtu = start_rtu();
Mole::take_over('tls');
my $g = start_route({ mode => 'protect-rtu', rtu => ["127.0.0.1:$rtu->{port}"] });
my @worker;
sub standing { return join ' ', map { my $role = $_; map { "$role:$_" } sort { $a <=> $b } proc_of_role($g->{gate}, $role) } qw(gate broker signer audit) }
my $before = standing();

# A worker with a session: {client, w, tcp, pair, id}.
sub session {
    my $client = Raw104->connect($g->{port}) or return undef;
    return wait_until(sub {
        while (my $w = Mole->await('tls', 0.01)) { push @worker, $w }
        for my $w (@worker) {
            next if $w->{gone} || !defined $w->{fd}{'broker-0'} && !($w->hear(0) && defined $w->{fd}{'broker-0'});
            my $m = $w->next($w->{fd}{'broker-0'}, type => 16, seconds => 0) or next;
            return { client => $client, w => $w, tcp => $m->{fds}[0], pair => $m->{fds}[1], id => unpack 'Q', $m->{payload} };
        }
        return undef;
    });
}
sub open_descriptors {
    my %n;
    $n{ role_of($_) } = scalar(() = glob "/proc/$_/fd/*") for map { proc_of_role($g->{gate}, $_) } qw(gate broker signer audit);
    return \%n;
}
my $violations = sub { return grep { $_->{event} eq 'system.ipc-violation' } records($g->{dir}) };

my $first = session();
ok($first, 'a session of a worker that was taken over');
my $open = open_descriptors();
my $pair = sub { $_[0]{pair} };
my $broker = sub { $_[0]{w}->channel('broker-0') };
my $signer = sub { $_[0]{w}->channel('signer-0') };
my $monitor = sub { 3 };
my $done = sub { Mole::packet(17, pack 'Q', $_[0]{id}) };
my $sign = sub { Mole::packet(48, pack('VvvVV', 1, 0, 0x0403, 130, 0) . 'x' x 130) };
my $data = sub { Mole::packet(34, 'x' x 6) };
my $note = sub { Mole::packet(9, 'x') };
my $dialled = sub { Mole::packet(21, Mole::session($_[0]{id}, 0)) };
my @CASE = (
    [ 'the connection to the gate',           $pair,    $data,    sub { $_[0]{tcp} } ],
    [ 'the connection to the gate, as a station', $pair, $dialled, sub { $_[0]{tcp} } ],
    [ 'the pair to the gate it came from',    $pair,    $data,    $pair ],
    [ 'the signer\'s channel to the gate',    $pair,    $data,    $signer ],
    [ 'its control channel to the gate',      $pair,    $data,    $monitor ],
    [ 'the connection to the signer',         $signer,  $sign,    sub { $_[0]{tcp} } ],
    [ 'the pair to the signer',               $signer,  $sign,    $pair ],
    [ 'the connection back to the broker',    $broker,  $done,    sub { $_[0]{tcp} } ],
    [ 'the pair back to the broker',          $broker,  $done,    $pair ],
    [ 'the connection to the monitor',        $monitor, $note,    sub { $_[0]{tcp} } ],
    [ 'both to the monitor, as a channel',    $monitor, sub { Mole::packet(3, pack 'C x3 L', 3, 0) }, sub { @{ $_[0] }{qw(tcp pair)} } ],
);
my $count = 0;
for my $case (@CASE) {
    my ($what, $to, $packet, $fds) = @$case;
    my $s = $first // session();
    undef $first;
    $s or do { fail("$what: no worker"); next };
    $s->{w}->raw($to->($s), $packet->($s), fds => [ $fds->($s) ]);
    ok($s->{w}->gone, "$what: ends the worker");
    ok($s->{client}->ended, "$what: and the connection, so nobody has kept it");
    $count++;
    ok(wait_until(sub { $violations->() >= $count }), "$what: and is in the log");
}

# ---- said again ----

for my $again ([ 'the end of its session twice', sub { $_[0]{w}->raw($broker->($_[0]), $done->($_[0]), times => 2) } ],
               [ 'the end of the session after its own', sub { $_[0]{w}->raw($broker->($_[0]), Mole::packet(17, pack 'Q', $_[0]{id} + 1)) } ]) {
    my ($what, $act) = @$again;
    my $s = session() or do { fail("$what: no worker"); next };
    $act->($s);
    ok($s->{w}->gone, "$what: ends the worker");
    $count++;
    ok(wait_until(sub { $violations->() >= $count }), "$what: and is in the log");
}

is(join(' ', grep { !/^tls-\d+$/ } map { $_->{process} } $violations->()), '', 'the log names nobody but workers');
is(standing(), $before, 'no other process was ended');
ok(wait_until(sub {
    my $now = open_descriptors();
    return !grep { $now->{$_} > $open->{$_} + 4 } keys %$open;
}), 'and none holds more descriptors than before') or diag explain [ $open, open_descriptors() ];
stop_process($g->{gate}, 'TERM');
my ($status, $out, $err) = run_command([ bin('gate104'), 'log', 'verify', "$g->{dir}/log" ]);
is($status, 0, 'the log is whole') or diag "$out$err";
is(join(' ', asdus_received(json_lines(slurp($rtu->{out})))), '', 'nothing reached the station');
done_testing;

#!/usr/bin/perl
# A fetcher that was taken over: it can be silent, or lie about what a responder said.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Mole;
use Raw104;
use Test::More;

die "the mole is not built: make programs\n" if !-x bin('redteam/mole');
my $pki = pki();
my $rtu = start_rtu();
Mole::take_over('fetcher');
my $ocsp = '{ url = "http://127.0.0.1:' . free_port() . '/"; timeout = 2; required = false; }';
my $g    = start_route({ mode => 'protect-rtu', rtu => ["127.0.0.1:$rtu->{port}"] }, pki => $pki, tls => { ocsp => \$ocsp });
my $f    = Mole->await('fetcher');
sub standing { return join ' ', map { my $role = $_; map { "$role:$_" } sort { $a <=> $b } proc_of_role($g->{gate}, $role) } qw(gate broker signer audit) }
my $before = standing();

my $m = Raw104->connect_tls($g->{port}, $pki);
ok($m && $m->start, 'a session, after its silence');
is($m->command($Raw104::SINGLE_ON), $Raw104::SINGLE_CON, 'in which commands go through');
ok(wait_record($g->{dir}, { event => 'tls.ocsp-unavailable' }), 'with a record of the silence');
# Its channels to workers.
sub workers {
    return @{ wait_until(sub { $f->hear(0.1); my @w = grep { /^tls/ } keys %{ $f->{fd} }; return @w ? \@w : undef }) // [] };
}
cmp_ok(scalar workers(), '>', 0, 'it has channels to workers');

# ---- accusations ----

$f->message(3, 7, pack 'C C S L', 2, 1, 72, $_) for 0 .. 40;
is($m->command($Raw104::SINGLE_ON), $Raw104::SINGLE_CON, 'no worker is ended because it accuses it');
ok(wait_record($g->{dir}, { event => 'system.ipc-violation', detail => qr/^fetcher-0 says that tls-\d+ sent message 72/ }), 'which is recorded, in its name');

# ---- offences ----

sub ends_it {
    my ($what, $act) = @_;
    $act->();
    ok($f->gone, "$what: ends it");
    $f = Mole->await('fetcher');
    ok($f, "$what: the next one is there");
}
ends_it('an accusation of a gate', sub { $f->message(3, 7, pack 'C C S L', 3, 1, 72, 0) });
ends_it('a record for the monitor', sub { $f->message(3, 64, Mole::record(2, {})) });
ends_it('ready again', sub { $f->message(3, 6, '') });
is($m->command($Raw104::SINGLE_ON), $Raw104::SINGLE_CON, 'the session goes on');

# ---- an answer that nobody asked for ----

my $answer = Mole::packet(73, pack('L S C C L L', 77, 0, 0, 0, 4, 0) . "\x30\x03\x0a\x01");
$f->raw($f->{fd}{$_}, $answer) for workers();
is($m->command($Raw104::SINGLE_ON), $Raw104::SINGLE_CON, 'answers that nobody asked for end no session');

ok(kill(0, $g->{gate}{pid}), 'the monitor is up');
is(standing(), $before, 'gate, broker, signer and audit were not ended');
stop_process($g->{gate}, 'TERM');
my ($status, $out, $err) = run_command([ bin('gate104'), 'log', 'verify', "$g->{dir}/log" ]);
is($status, 0, 'the log is whole') or diag "$out$err";
done_testing;

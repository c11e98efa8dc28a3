#!/usr/bin/perl
# The signer, asked by a tls worker that was taken over: it signs what a TLS handshake of
# its routes signs, and nothing else, however often it is asked.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Puppet;
use Test::More;

plan skip_all => 'the puppet is not built' if !-x bin('redteam/gate104-tls');
my $pki = pki('ec');
my $rtu = start_rtu();
Puppet::take_over();
my $g = start_route({ mode => 'protect-rtu', rtu => ["127.0.0.1:$rtu->{port}"] }, pki => $pki);
my ($signer) = proc_of_role($g->{gate}, 'signer');
my $GOOD = ' ' x 64 . "TLS 1.3, server CertificateVerify\0" . 'h' x 32;
my $n    = 0;

sub ask { my ($p, $content, %o) = @_; return $p->message('s', 48, pack('VvvVV', ++$n, $o{key} // 0, $o{scheme} // 0x0403, length $content, 0) . $content) }
sub answer { my ($p) = @_; my ($type, $m) = $p->next('s'); return defined $type && $type == 49 ? unpack 'VvvH*', $m : () }
sub signs {
    my ($p, @ask) = @_;
    ask($p, @ask) or return 'gone';
    my ($request, $status, $size, $octets) = answer($p) or return 'silence';
    return 'an answer to something else' if $request != $n;
    return $status ? ($size || $octets =~ /[^0]/ ? 'octets with a refusal' : "refused $status") : "signed $size";
}
sub said { my ($what) = @_; return wait_until(sub { slurp($g->{gate}{err}) =~ $what }) }

my $p = Puppet->connect($g->{port}) or BAIL_OUT('no worker');
like(signs($p, $GOOD), qr/^signed (?:6[89]|7[0-2])$/, 'what a server signs in TLS 1.3, in the size of a P-256 key');
is(signs($p, $GOOD, key => 1), 'refused 100', 'a key that is not its own');
is(signs($p, $GOOD, key => 0xffff), 'refused 100', 'a key that is none');
ok(said(qr/refused to sign for tls-\d+: not a key of its group/), 'is said');
my %BAD = (
    'content of a client'      => $GOOD =~ s/server/client/r,
    'one octet more'           => $GOOD . 'h',
    'one octet less'           => substr($GOOD, 0, -1),
    'no spaces before'         => substr($GOOD, 64),
    'another context'          => $GOOD =~ s/TLS 1.3/TLS 1.4/r,
    'a digest alone'           => 'h' x 32,
    'one octet'                => 'h',
    'a certificate'            => slurp("$pki/ca.crt"),
    'a request'                => pack('H*', '3082010a') . 'x' x 266,
    'the content of SSH'       => pack('N/a*', 's' x 32) . "\x32" . 'ssh-connection',
);
like(signs($p, $BAD{$_}), qr/^refused (?!100)\d+$/, $_) for sort keys %BAD;
like(signs($p, $GOOD, scheme => $_), qr/^refused /, sprintf 'scheme %04x', $_) for 0, 0x0201, 0x0804, 0x0401, 0xffff;

# More than a burst, all of them good.
my %status;
for (1 .. 200) {
    ask($p, $GOOD) for 1 .. 40;
    for (1 .. 40) { my (undef, $status) = answer($p) or last; $status{$status}++ }
}
is(join(' ', sort { $a <=> $b } keys %status), '0 103', 'too many a second are refused, and only those');
ok(said(qr/tls-\d+ wants more than 2000 signatures a second: \d+ refused/), 'and it is said');

# RSA key transport where the routes have none.
$p->message('s', 50, pack('Vvv', ++$n, 0, 0) . 'x' x 256);
my ($type, $m) = $p->next('s');
is($type, 51, 'decryption is answered');
is(unpack('x4 v', $m // ''), 104, 'not where the routes have no key transport');
like(unpack('x6 H*', $m // ''), qr/^0*$/, 'without an octet');
$p->message('s', 50, pack('Vvv', ++$n, 7, 0) . 'x' x 256);
($type, $m) = $p->next('s');
is(unpack('x4 v', $m // ''), 100, 'and not with a key of others');
ok(said(qr/refused to decrypt for tls-\d+: its routes have no key transport/), 'which is said');
ok(said(qr/refused to decrypt for tls-\d+: not a key of its group/), 'of both');

# Its share of signatures is used up or not: nothing but refusals either way.
my %got;
my $asked = 10_000;
srand 104;
for my $i (1 .. $asked) {
    my $blob = join '', map { chr int rand 256 } 1 .. 1 + int rand 200;
    substr $blob, 0, 98, substr $GOOD, 0, 98 if $i % 4 == 0;    # a prefix that is right
    $blob .= 'x' if length $blob == 130 || length $blob == 146;
    my $said = signs($p, $blob);
    $got{ $said =~ /^refused/ ? 'refused' : $said }++;
    last if $said eq 'gone' || $said eq 'silence';
}
is_deeply(\%got, { refused => $asked }, 'ten thousand blobs: nothing is signed, each is answered');

$p->message('s', 49, 'x' x 1032);
ok($p->ended, 'a message that is the signer\'s own ends the worker');
ok(wait_record($g->{dir}, { event => 'system.ipc-violation', detail => qr/signer-\d+ says that tls-\d+ sent message 49/ }), 'by name');
is(join(' ', proc_of_role($g->{gate}, 'signer')), $signer, 'the signer lives');
my $q = wait_until(sub { Puppet->connect($g->{port}) });
like(signs($q, $GOOD), qr/^signed/, 'and signs for the next worker');
stop_process($g->{gate}, 'TERM');
done_testing;

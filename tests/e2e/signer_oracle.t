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
use Time::HiRes qw(time);

die "the puppet is not built: make programs\n" if !-x bin('redteam/gate104-tls');
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
sub recorded { my ($why, %o) = @_; return wait_record($g->{dir}, { event => 'signer.refused', from => 'monitor-0', process => qr/^tls-\d+$/, why => $why, %o }, 20) }

my $p = Puppet->connect($g->{port}) or BAIL_OUT('no worker');
like(signs($p, $GOOD), qr/^signed (?:6[89]|7[0-2])$/, 'what a server signs in TLS 1.3, in the size of a P-256 key');
is(signs($p, $GOOD, key => 1), 'refused 100', 'a key that is not its own');
is(signs($p, $GOOD, key => 0xffff), 'refused 100', 'a key that is none');
ok(said(qr/^gate104d: signer-\d+ refused tls-\d+ 1 time: not a key of its group$/m), 'is said');
is(recorded('not-its-key', count => 1) && 1, 1, 'and recorded, the first by itself');
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
ok(recorded('too-many-signatures', count => 1), 'and it is recorded, though other refusals came before');
ok(recorded('content', count => 1, detail => qr/^refused tls-\d+ 1 time: nothing that it signs: \w+/), 'as these were: the first at once');
ok(recorded('content', count => qr/^(?:[2-9]|\d\d+)$/), 'the others counted');

# RSA key transport where the routes have none.
$p->message('s', 50, pack('Vvv', ++$n, 0, 0) . 'x' x 256);
my ($type, $m) = $p->next('s');
is($type, 51, 'decryption is answered');
is(unpack('x4 v', $m // ''), 104, 'not where the routes have no key transport');
like(unpack('x6 H*', $m // ''), qr/^0*$/, 'without an octet');
$p->message('s', 50, pack('Vvv', ++$n, 7, 0) . 'x' x 256);
($type, $m) = $p->next('s');
is(unpack('x4 v', $m // ''), 100, 'and not with a key of others');
ok(recorded('no-key-transport', count => 1), 'which is recorded');

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
# Every refusal is counted in some record, at the latest in those of the end.
my %count;
$count{ $_->{why} } += $_->{count} for grep { $_->{event} =~ /^signer\./ } records($g->{dir});
is($count{'not-its-key'}, 3, 'no refusal is lost: keys');
is($count{key}, 1, 'a scheme of the other type of key');
cmp_ok($count{content} + $count{'too-many-signatures'} + $count{key}, '==', $asked + 15 + $status{103}, 'nor contents and what was too many');
cmp_ok(scalar(grep { $_->{event} eq 'signer.refused' } records($g->{dir})), '<', 40, 'in few records');
my $lines = () = slurp($g->{gate}{err}) =~ /^(?:gate104d: )?signer-/mg;
cmp_ok($lines, '<', 60, 'and few lines');

# ---- RSA key transport, where the routes have it ----
subtest 'key transport' => sub {
    my $rsa = pki('rsa');
    my $g = start_route({ mode => 'protect-rtu', rtu => ["127.0.0.1:$rtu->{port}"] }, pki => $rsa,
                        tls => { legacy_rsa_key_transport => \'true' });
    my $p = Puppet->connect($g->{port}) or BAIL_OUT('no worker');
    my $n = 0;
    my $send = sub { my ($octets, $key) = @_; return $p->message('s', 50, pack('Vvv', ++$n, $key // 0, 0) . $octets) };
    my $next = sub { my ($type, $m) = $p->next('s'); return defined $type && $type == 51 ? unpack('Vvva*', $m) : () };
    my $decrypt = sub {
        $send->(@_) or return 'gone';
        my ($request, $status, undef, $secret) = $next->() or return 'silence';
        return $request != $n ? 'an answer to something else' : $status ? "refused $status " . $secret =~ tr/\0//c : length $secret;
    };
    # A secret as a client encrypts it (RFC 5246 clause 7.4.7.1), and what is none.
    my $dir    = scratch();
    my $secret = "\x03\x03" . join '', map { chr 1 + $_ } 1 .. 46;
    spew("$dir/in", $secret);
    run_command([ qw(openssl pkeyutl -encrypt -certin -inkey), "$rsa/station.crt", '-in', "$dir/in", '-out', "$dir/out" ]);
    my $octets = slurp("$dir/out");
    is(length $octets, 256, 'what a client sends');
    $send->($octets);
    my (undef, $status, undef, $got) = $next->();
    is("$status " . unpack('H*', $got // ''), '0 ' . unpack('H*', $secret), 'is decrypted for the group whose rules have key transport');
    my %none = ('not encrypted to it' => 'x' x 256, 'too short' => 'x', 'too long' => 'x' x 300, 'a number beyond the modulus' => "\xff" x 256,
                'changed' => substr($octets, 0, 255) . chr(ord(substr $octets, 255) ^ 1));
    is($decrypt->($none{$_}), 48, "$_: 48 octets as well") for sort keys %none;
    is($decrypt->($octets, 1), 'refused 100 0', 'with no key but its own, and no octet beside the refusal');
    like(signs($p, $octets), qr/^refused/, 'what it decrypts it does not sign');
    # 200 at once, then 20 a second, as time goes by here.
    my $begun  = time;
    my $bound  = sub { return 200 + 20 * (time - $begun + 1) };
    my %status;
    my $sent = 300;
    # In turns, as who does not take his answers loses some.
    for my $turn (1 .. $sent / 30) {
        $send->($octets) for 1 .. 30;
        for (1 .. 30) { my ($request, $status, undef, $secret) = $next->() or last; $status{ $status ? "$status " . $secret =~ tr/\0//c : 0 }++ }
    }
    is(join(' and ', sort keys %status), '0 and 103 0', 'too many a second are refused, without an octet');
    cmp_ok($status{0}, '<=', $bound->(), '200 at once, then 20 a second');
    # The bound is the key's, so that more workers are not more attempts.
    my $other = Puppet->connect($g->{port}) or BAIL_OUT('no second worker');
    my %other;
    for my $turn (1 .. $sent / 30) {
        $other->message('s', 50, pack('Vvv', $_, 0, 0) . $octets) for 1 .. 30;
        for (1 .. 30) { my ($type, $m) = $other->next('s') or last; $other{ unpack 'x4 v', $m }++ }
    }
    cmp_ok($status{0} + ($other{0} // 0), '<=', $bound->(), 'of all workers together');
    stop_process($g->{gate}, 'TERM');
    my $told = 0;
    $told += $_->{count} for grep { $_->{event} eq 'signer.refused' && $_->{why} eq 'too-many-secrets' } records($g->{dir});
    is($told, ($other{103} // 0) + $status{'103 0'}, 'each refusal is counted in the log');
};
done_testing;

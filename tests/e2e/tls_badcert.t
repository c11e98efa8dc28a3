#!/usr/bin/perl
# Certificates that break a rule, shown to the real chain of processes by a master and by an
# outstation: each is refused with one record that names the security event, and costs
# nobody else anything.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";

# The far side must not be choosy about its own certificates.
BEGIN {
    require File::Temp;
    my $file = File::Temp->new(TEMPLATE => 'gate104-test-XXXXXX', TMPDIR => 1);
    print $file "openssl_conf = i\n[i]\nssl_conf = s\n[s]\nsystem_default = d\n[d]\nCipherString = DEFAULT\@SECLEVEL=0\n";
    close $file;
    local $ENV{OPENSSL_CONF} = "$file";
    require Net::SSLeay;
    Net::SSLeay::initialize();
}

use Gate104;
use IO::Socket::SSL;
use MIME::Base64 qw(decode_base64);
use POSIX ();
use Raw104;
use RawTls;
use Test::More;

my $pki = pki();
(run_command([ "$ROOT/tests/lib/bad-certs", $pki ], seconds => 60))[0] == 0 or die 'no certificates';

sub fingerprint {
    my ($file) = @_;
    my (undef, $out) = run_command([ qw(openssl x509 -noout -fingerprint -sha256 -in), $file ]);
    return $out =~ /=([0-9A-F:]+)/ ? "sha256:$1" : die "$file: $out";
}

# ---- what is expected ----

# [certificate, why, IEC 62351 event, mnemonic, severity]; why '' is one that is good.
my %EVENT = (
    ''                           => [],
    'no-peer-certificate'        => [ '3:1.6',  'TLS_NO_PEER_CERT',          'alarm' ],
    'certificate-too-large'      => [ '3:2.1',  'TLS_CERT_SIZE_MISMATCH',    'alarm' ],
    'unknown-ca'                 => [ '3:2.2',  'TLS_NO_CA_MATCH',           'alarm' ],
    'certificate-not-listed'     => [ '3:2.3',  'TLS_NO_TRUSTED_CERT_MATCH', 'alarm' ],
    'certificate-revoked'        => [ '3:2.4',  'TLS_CERT_REVOKED',          'alarm' ],
    'no-crl'                     => [ '3:2.5',  'TLS_NO_CRL',                'warning' ],
    'certificate-expired'        => [ '3:2.8',  'TLS_CERT_EXP',              'alarm' ],
    'key-too-short'              => [ '3:2.11', 'TLS_SHORT_RSA_KEY',         'alarm' ],
    'key-far-too-short'          => [ '3:2.13', 'TLS_SHORT_KEY',             'alarm' ],
    'weak-digest'                => [ '3:2.14', 'TLS_DEP_HASH',              'warning' ],
    'certificate-signature'      => [ '9:2.2',  'CERT_V_PK_SIG_WRONG',       'alarm' ],
    'certificate-not-yet-valid'  => [ '9:2.7',  'CERT_V_PK_EARLY',           'error' ],
    'certificate-invalid'        => [ '9:2.11', 'CERT_V_PK_PATH',            'error' ],
    'unknown-critical-extension' => [ '9:2.12', 'CERT_V_PKCE_CEXT',          'error' ],
    'bad-extension'              => [ '9:2.13', 'CERT_V_PKCE_EXT_VALUE',     'error' ],
    'peer-name-mismatch'         => [ '9:2.16', 'CERT_V_PKCE_SAN',           'error' ],
    'issuer-not-a-ca'            => [ '9:2.17', 'CERT_V_PKCE_BC',            'error' ],
    'path-length-exceeded'       => [ '9:2.18', 'CERT_V_PKCE_PL',            'error' ],
    'key-usage'                  => [ '9:2.19', 'CERT_KU_DIGSIG',            'error' ],
    'ca-key-usage'               => [ '9:2.21', 'CERT_PKCE_KU_KCS',          'error' ],
    'certificate-purpose-server' => [ '9:2.23', 'CERT_PKCE_EKU_TLS_SA',      'error' ],
    'certificate-purpose'        => [ '9:2.24', 'CERT_PKCE_EKU_TLS_CA',      'error' ],
);

# Whichever side shows it.
my @BOTH = (
    [ 'good',       '' ],
    [ 'by-mid',     '' ],
    [ 'bare',       '' ],
    [ 'fits',       '' ],
    [ 'unknown',    '' ],
    [ 'self',       'unknown-ca' ],
    [ 'self-ca',    'unknown-ca' ],
    [ 'alone',      'unknown-ca' ],
    [ 'by-anchor',  'unknown-ca' ],
    [ 'akid',       'unknown-ca' ],
    [ 'expired',    'certificate-expired' ],
    [ 'by-old',     'certificate-expired' ],
    [ 'early',      'certificate-not-yet-valid' ],
    [ 'short',      'key-too-short' ],
    [ 'nearly',     'key-too-short' ],
    [ 'by-short',   'key-too-short' ],
    [ 'shorter',    'key-far-too-short' ],
    [ 'tiny',       'key-far-too-short' ],
    [ 'by-tiny',    'key-far-too-short' ],
    [ 'sha1',       'weak-digest' ],
    [ 'by-sha1',    'weak-digest' ],
    [ 'mail',       'certificate-purpose' ],
    [ 'by-eku',     'certificate-purpose' ],
    [ 'nosign',     'key-usage' ],
    [ 'agree',      'key-usage' ],
    [ 'critical',   'unknown-critical-extension' ],
    [ 'bad-ku',     'bad-extension' ],
    [ 'bad-bc',     'bad-extension' ],
    [ 'bad-skid',   'bad-extension' ],
    [ 'bad-eku',    'bad-extension' ],
    [ 'bad-san',    'bad-extension' ],
    [ 'large',      'certificate-too-large' ],
    [ 'many',       'certificate-too-large' ],
    [ 'by-plain',   'issuer-not-a-ca' ],
    [ 'by-leaf',    'issuer-not-a-ca' ],
    [ 'by-nosign',  'ca-key-usage' ],
    [ 'by-names',   'certificate-invalid' ],
    [ 'below-end',  'path-length-exceeded' ],
    [ 'deep',       'certificate-invalid' ],
    [ 'forged',     'certificate-signature' ],
    [ 'by-forged',  'certificate-signature' ],
);
my @MASTER     = (@BOTH, [ undef, 'no-peer-certificate' ], [ 'client', '' ], [ 'server', 'certificate-purpose' ], [ 'othername', '' ], [ 'cn-only', '' ]);
my @OUTSTATION = (@BOTH, [ 'server', '' ], [ 'client', 'certificate-purpose' ], [ 'othername', 'peer-name-mismatch' ], [ 'cn-only', 'peer-name-mismatch' ]);

# What OpenSSL at the far side does not show, or not in TLS 1.3.
my %UNSHOWN = map { $_ => 1 } qw(tiny bad-ku bad-bc bad-skid bad-eku bad-san);

# ---- a TLS 1.2 peer that shows a certificate that is not its own ----

# It is refused before anybody asks for a signature, so any certificate will do.  Runs on a
# connected socket until the other side has closed.

sub der_chain {
    my ($file) = @_;
    return map { decode_base64($_) } slurp($file) =~ /-----BEGIN CERTIFICATE-----\n(.*?)-----END/sg;
}

sub long { my ($octets) = @_; return pack('Cn', length($octets) >> 16, length($octets) & 0xffff) . $octets }

# The records of a flight with another certificate message (RFC 5246 clause 7.4.2).
sub swap_certificate {
    my ($flight, @certs) = @_;
    my $message = pack('C', 11) . long(long(join '', map { long($_) } @certs));
    my $out = '';
    for my $r (RawTls::records($flight)) {
        my ($type, $version, $fragment) = @$r;
        my @parts = $type == 22 && ord $fragment == 11 ? $message =~ /(.{1,16000})/sg : $fragment;
        $out .= join '', map { RawTls::record($type, $version, $_) } @parts;
    }
    return $out;
}

sub shows_another {
    my ($sock, $server, @certs) = @_;
    my $t = RawTls->new(pki => $pki, version => 0x0303, server => $server);
    my $heard = '';
    while (1) {
        my $flight = $t->flight($heard);
        syswrite $sock, swap_certificate($flight, @certs) if $flight ne '';
        sysread $sock, $heard, 65536 or return;
    }
}

# ---- the stage ----

# A TLS server that shows whatever certificate is named in a file, to one client after the
# other.
my $shown = scratch() . '/certificate';
my $listener = IO::Socket::INET->new(Listen => 16, LocalAddr => '127.0.0.1', LocalPort => 0) or die "listen: $!";
my $far_port = $listener->sockport;
my $far      = fork // die "fork: $!";
if (!$far) {
    local $SIG{PIPE} = 'IGNORE';
    while (my $c = $listener->accept) {
        my ($name, $version, $another) = split ' ', slurp($shown);
        my $file = "$pki/bad/$name";
        if ($another) {
            shows_another($c, 1, der_chain("$file.crt"));
            next;
        }
        next if !IO::Socket::SSL->start_SSL($c, SSL_server => 1, SSL_cert_file => "$file.crt", SSL_key_file => "$file.key", SSL_ca_file => "$pki/ca.crt",
            SSL_verify_mode => SSL_VERIFY_NONE, SSL_version => $version, SSL_cipher_list => 'DEFAULT@SECLEVEL=0', Timeout => 10);
        # Until the other side has had enough.
        1 while $c->sysread(my $octets, 4096);
    }
    POSIX::_exit(0);
}
END { local $?; kill 'KILL', $far if $far; waitpid $far, 0 if $far }

my $rtu = start_rtu();
system("cd '$pki' && openssl ca -config ca.cnf -cert ca.crt -keyfile ca.key -gencrl -crl_lastupdate 20200101000000Z -crl_nextupdate 20200201000000Z -out stale.crl 2>stale.err") == 0
    or die slurp("$pki/stale.err");

my @names = qw(v12 v13 wrap12 wrap13 crl wrapcrl pins many nocrl stale none);
my %port = map { $_ => free_port() } @names;
my @anchors = map { "$pki/$_.crt" } 'ca', 'other-ca', map { "bad/anchor-$_" } 1 .. 5;
sub protect { my ($name, @tls) = @_; return { name => $name, mode => 'protect-rtu', listen => ["127.0.0.1:$port{$name}"], rtu => ["127.0.0.1:$rtu->{port}"], @tls } }
sub wrap { my ($name, @tls) = @_; return { name => $name, mode => 'wrap-master', listen => ["127.0.0.1:$port{$name}"], remote => ["127.0.0.1:$far_port"], peer_name => 'station.lab', @tls } }
sub tls { my ($text) = @_; return (tls => \"{ $text; }") }
sub quoted { return '[ ' . join(', ', map { qq("$_") } @_) . ' ]' }

# The chains here have CAs of their own, whose lists gate104 would not know.
my $no_crl = 'crl = [ ]';
my $dir = write_config(
    limits => 'max_sessions = 64; handshakes_per_source = 64; ',
    routes => [ protect('v12', tls($no_crl)), protect('v13', tls($no_crl)), wrap('wrap12', tls($no_crl)), wrap('wrap13', tls($no_crl)), protect('crl'), wrap('wrapcrl'),
        protect('pins', tls('pins = ' . quoted(fingerprint("$pki/master.crt"), fingerprint("$pki/expired.crt")))),
        protect('many', tls('crl = [ ]; ca = ' . quoted(@anchors))),
        protect('nocrl', tls('ca = ' . quoted("$pki/ca.crt", "$pki/other-ca.crt"))),
        protect('stale', tls('crl = ' . quoted("$pki/stale.crl"))),
        protect('none', tls('crl = [ ]')) ]);
my $gate = start_gate104($dir);

sub events { return join ' ', map { $_->{event} } @_ }

# The records of a client, once the last of them is there.
sub story {
    my ($port) = @_;
    wait_until(sub { grep { $_->{event} =~ /^(?:tls\.handshake-failed|session\.(?:close|open-failed))$/ } records_of_client($dir, $port) });
    return records_of_client($dir, $port);
}

# What is wrong with the records of a client whose certificate is refused as `why` says.
sub record_faults {
    my ($why, $route, @r) = @_;
    my @faults;
    push @faults, 'records: ' . events(@r) if events(@r) ne 'tls.handshake-failed';
    my $r = $r[0] // {};
    my ($id, $mnemonic, $severity) = @{ $EVENT{$why} };
    my %want = (why => $why, route => $route, iec62351 => "IEC62351-$id", iec62351_mnemonic => $mnemonic, iec62351_severity => $severity);
    for my $key (sort keys %want) {
        my $is = $r->{$key} // 'missing';
        push @faults, "$key: $is" . ($key eq 'why' ? ' (' . ($r->{detail} // '') . ')' : '') if $is ne $want{$key};
    }
    return @faults;
}

# A session that is as it should be: its records begin with one that names success.
sub open_faults {
    my (@r) = @_;
    return 'records: ' . events(@r) . ' ' . ($r[0]{why} // '') . ' ' . ($r[0]{detail} // '') if events(@r) !~ /^session\.open( .*)? session\.close$/;
    return map { ($r[0]{$_->[0]} // '') eq $_->[1] ? () : "$_->[0]: " . ($r[0]{$_->[0]} // 'missing') }
        [ iec62351 => 'IEC62351-3:1.1' ], [ iec62351_mnemonic => 'TLS_HS_SUCCESS' ], [ iec62351_severity => 'notice' ];
}

# ---- a master ----

sub shows_master {
    my ($route, $name, $why, $version) = @_;
    if (defined $name && $why ne '' && $version eq 'TLSv1_2') {
        my $c = Raw104->connect($port{$route});
        shows_another($c->{sock}, 0, der_chain("$pki/bad/$name.crt"));
        $c->close;
        return record_faults($why, $route, story($c->{port}));
    }
    my $m = Raw104->connect_tls($port{$route}, "$pki", name => defined $name ? "bad/$name" : undef, version => $version, weak => 1);
    my $port = $Raw104::PORT;
    my @faults;
    if ($m) {
        $m->send($Raw104::STARTDT_ACT);
        if ($why eq '') {
            push @faults, 'no session' if !$m->until_apdu($Raw104::STARTDT_CON);
            $m->close;
        } else {
            # In TLS 1.3 the client has finished before the server has looked.
            push @faults, 'not closed' if !$m->ended;
            push @faults, "was told $m->{in}" if $m->{in} ne '';
        }
    }
    my @r = story($port);
    return (@faults, $why eq '' ? open_faults(@r) : record_faults($why, $route, @r));
}

my %bystander;
for my $route (qw(v12 v13)) {
    $bystander{$route} = Raw104->connect_tls($port{$route}, $pki);
    $bystander{$route}->start or die 'no session';
}

# They talk, so that nobody gives them up on a slow machine.
sub keep_on {
    for my $m (values %bystander) {
        $m->send($Raw104::TESTFR_ACT);
        $m->until_apdu($Raw104::TESTFR_CON) or return 0;
    }
    return 1;
}

for my $c ([ 'v12', 'TLSv1_2' ], [ 'v13', 'TLSv1_3' ]) {
    my ($route, $version) = @$c;
    subtest "a master shows certificates, $version" => sub {
        my @cases = grep { $version eq 'TLSv1_2' || !$UNSHOWN{ $_->[0] // '' } } @MASTER;
        for my $case (@cases) {
            my ($name, $why) = @$case;
            is(join('; ', shows_master($route, $name, $why, $version)), '', ($name // 'none') . ': ' . ($why || 'let in'));
            keep_on();
        }
        is($bystander{$route}->command($Raw104::SINGLE_ON), $Raw104::SINGLE_CON, 'the session beside them goes on');
        is(scalar(grep { $_->{event} eq 'tls.handshake-failed' && $_->{route} eq $route } records($dir)), scalar(grep { $_->[1] ne '' } @cases),
            'one record for each refusal, and no more');
    };
}

# ---- an outstation ----

sub shows_outstation {
    my ($route, $name, $why, $version) = @_;
    $why = 'certificate-purpose-server' if $why eq 'certificate-purpose';
    spew($shown, "$name $version " . ($why ne '' && $version eq 'TLSv1_2' ? 1 : 0));
    my $m = Raw104->connect($port{$route});
    my @faults;
    if ($why eq '') {
        # It says nothing; that is its affair.
        wait_until(sub { grep { $_->{event} eq 'session.open' } records_of_client($dir, $m->{port}) }, 10) or push @faults, 'no session';
        $m->close;
    } else {
        push @faults, 'not closed' if !$m->ended;
        push @faults, "was told $m->{in}" if $m->{in} ne '';
    }
    my @r = story($m->{port});
    return (@faults, $why eq '' ? open_faults(@r) : record_faults($why, $route, @r));
}

for my $c ([ 'wrap12', 'TLSv1_2' ], [ 'wrap13', 'TLSv1_3' ]) {
    my ($route, $version) = @$c;
    subtest "an outstation shows certificates, $version" => sub {
        for my $case (grep { $version eq 'TLSv1_2' || !$UNSHOWN{ $_->[0] } } @OUTSTATION) {
            my ($name, $why) = @$case;
            is(join('; ', shows_outstation($route, $name, $why, $version)), '', "$name: " . ($why || 'let in'));
            keep_on();
        }
    };
}

# ---- lists ----

sub client { my ($route, $name) = @_; return (Raw104->connect_tls($port{$route}, $pki, name => $name), $Raw104::PORT) }

sub let_in {
    my ($route, $name, $what) = @_;
    my ($m, $port) = client($route, $name);
    ok($m && $m->start, "$what: let in");
    $m->close if $m;
    return story($port);
}

sub refused {
    my ($route, $name, $why, $what) = @_;
    my ($m, $port) = client($route, $name);
    $m->send($Raw104::STARTDT_ACT), $m->ended if $m;
    is(join('; ', record_faults($why, $route, story($port))), '', "$what: refused");
    return;
}

subtest 'a list of certificates' => sub {
    let_in('pins', 'master', 'one that is on it');
    refused('pins', 'bad/good', 'certificate-not-listed', 'one that is not');
    refused('pins', 'expired', 'certificate-expired', 'one that is on it and has expired');
    refused('pins', 'foreign', 'unknown-ca', 'one of another CA');
};

subtest 'seven trust anchors' => sub {
    let_in('many', 'master', 'of the first');
    let_in('many', 'foreign', 'of the second');
    let_in('many', 'bad/by-anchor', 'of the seventh');
    refused('many', 'bad/self', 'unknown-ca', 'of none');
};

subtest 'lists of what is revoked' => sub {
    my @r = let_in('none', 'revoked', 'without a list, even one that is revoked');
    is("$r[0]{iec62351} $r[0]{iec62351_warning} $r[0]{iec62351_warning_mnemonic} $r[0]{iec62351_warning_severity}", 'IEC62351-3:1.1 IEC62351-3:2.5 TLS_NO_CRL warning', 'with a warning');
    @r = let_in('stale', 'master', 'with a list past its end, one that is not on it');
    is(events(@r), 'tls.crl-stale session.open session.startdt session.close', 'with a warning');
    is("$r[0]{iec62351} $r[0]{iec62351_mnemonic} $r[0]{iec62351_severity}", 'IEC62351-3:2.6 TLS_CRL_EXP warning', 'that names the event');
    refused('crl', 'revoked', 'certificate-revoked', 'with a list, a master that is on it');
    is(join('; ', shows_outstation('wrapcrl', '../revoked', 'certificate-revoked', 'TLSv1_3')), '', 'and an outstation');
    refused('stale', 'revoked', 'certificate-revoked', 'and one that is');
    refused('nocrl', 'foreign', 'no-crl', 'one of a CA whose list is not there');
    let_in('nocrl', 'master', 'one of the other CA');
};

subtest 'lists that gate104 does not start with' => sub {
    my $text = slurp("$pki/ca.crl");
    my @lines = split /\n/, $text;
    # A letter of the signature, which stands in the last line but one.
    substr($lines[-3], 10, 1) =~ tr/A-Za-z/B-ZA-Ab-za/ or substr($lines[-3], 10, 1) = 'Q';
    spew("$pki/forged.crl", join("\n", @lines) . "\n");
    for my $c ([ 'of another CA', "$pki/ca.crl", "$pki/other-ca.crt" ], [ 'with a wrong signature', "$pki/forged.crl", "$pki/ca.crt" ]) {
        my ($what, $crl, $ca) = @$c;
        my $bad = write_config(routes => [ { name => 'r', mode => 'protect-rtu', listen => [ '127.0.0.1:' . free_port() ], rtu => ["127.0.0.1:$rtu->{port}"],
            tls('ca = ' . quoted($ca) . '; crl = ' . quoted($crl)) } ]);
        my ($status, $out, $err) = run_command([ bin('gate104d'), '-t', '-c', "$bad/gate104.conf" ]);
        isnt($status, 0, "one $what is found by -t");
        like("$out$err", qr/tls\.crl/, 'and named');
    }
};

is($bystander{$_}->command($Raw104::SINGLE_ON), $Raw104::SINGLE_CON, "the first session of $_ goes on") for qw(v12 v13);
is(scalar(grep { $_->{event} =~ /process-died|ipc-violation|log\.gap/ } records($dir)), 0, 'nothing befell any process');
is(stop_process($gate, 'TERM'), 0, 'clean stop');
is(join("\n", log_faults($dir)), '', 'the chain of the log holds');
done_testing;

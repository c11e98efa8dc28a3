#!/usr/bin/perl
# gate104 pki: what it makes is judged by the openssl command and by a running gate104.
use strict;
use warnings;
use Fcntl qw(:flock);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Test::More;

die "gate104-pki is not built: make programs\n" if !-x bin('gate104-pki');

my $DIR = scratch();
chdir $DIR or die $!;

sub pki_cmd { return run_command([ bin('gate104'), 'pki', @_ ], seconds => 60) }

sub must_pki {
    my ($status, $out, $err) = pki_cmd(@_);
    die "@_: $out$err" if $status != 0;
    return $out;
}

sub openssl {
    my ($status, $out, $err) = run_command([ 'openssl', @_ ]);
    return $status == 0 ? $out : "FAILED $out$err";
}
sub text_of { return openssl('x509', '-in', $_[0], '-noout', '-text') }
sub mode_of { return sprintf '%04o', (stat $_[0])[2] & 07777 }
sub index_lines { return grep { !/^#/ } split /\n/, slurp("$_[0]/index") }

# Everything in the folder, to see that nothing changed.
sub state_of {
    my ($dir) = @_;
    return join "\0", map { -f $_ ? ($_, slurp($_)) : ($_) } sort glob("$dir/* $dir/issued/*");
}

subtest 'a CA' => sub {
    my $out = must_pki('init', 'ca', '--name', '/O=Utility/CN=Utility CA');
    like($out, qr/^ca: a CA/, 'is made');
    is(join(' ', map { "$_:" . mode_of("ca/$_") } qw(ca.key index ca.crt ca.crl)), 'ca.key:0600 index:0600 ca.crt:0644 ca.crl:0644', 'its files');
    is(mode_of('ca'), '0700', 'its folder');
    my $text = text_of('ca/ca.crt');
    like($text, qr/Version: 3/, 'version 3');
    like($text, qr/Basic Constraints: critical\s+CA:TRUE, pathlen:0\n/, 'basic constraints');
    like($text, qr/Key Usage: critical\s+Certificate Sign, CRL Sign\n/, 'key usage');
    like($text, qr/Subject Key Identifier/, 'key identifier');
    like($text, qr/Public-Key: \(256 bit\).*ecdsa-with-SHA256/s, 'P-256');
    like(openssl(qw(verify -x509_strict -crl_check -CRLfile ca/ca.crl -CAfile ca/ca.crt ca/ca.crt)), qr/OK/, 'openssl is content');
    like(openssl(qw(crl -in ca/ca.crl -noout -text -CAfile ca/ca.crt)), qr/CRL Number:\s+1\n.*No Revoked/s, 'a first list');

    my $before = state_of('ca');
    for my $dir ('ca', 'ca/', 'ca/ca.key') {
        my ($status, $o, $err) = pki_cmd('init', $dir, '--name', 'x');
        is($status, 1, "$dir: is not overwritten");
        like($err, qr/ca\S*: .*(?:is there already|cannot be made)/, 'and said');
    }
    is(state_of('ca'), $before, 'nothing changed');
    is(join(' ', glob '*.part-*'), '', 'nothing is left');
    mkdir 'empty';
    is((pki_cmd('init', 'empty', '--name', 'x', '--rsa', 3072, '--days', 100))[0], 0, 'an empty folder is taken');
    like(text_of('empty/ca.crt'), qr/\(3072 bit\)/, 'RSA if asked for');
};

subtest 'a server' => sub {
    must_pki('issue', '--ca', 'ca', '--name', '/O=Utility/CN=station', '--for', 'server', '--san', 'station.example', '--san', '10.0.0.1',
        '--san', 'IP:2001:db8::1', '--crl-url', 'http://pki.example/ca.crl', '--days', 90, '--out', 'station');
    my $text = text_of('station.crt');
    like($text, qr/Basic Constraints: critical\s+CA:FALSE\n/, 'no CA');
    like($text, qr/Key Usage: critical\s+Digital Signature\n/, 'key usage is critical');
    like($text, qr/Extended Key Usage:\s+TLS Web Server Authentication\n/, 'for servers only');
    like($text, qr/Subject Key Identifier/, 'key identifier');
    like($text, qr/Authority Key Identifier/, 'identifier of the issuer');
    like($text, qr/DNS:station\.example, IP Address:10\.0\.0\.1, IP Address:2001:DB8:0:0:0:0:0:1\n/, 'names');
    like($text, qr{URI:http://pki\.example/ca\.crl}, 'where the list is');
    like(openssl(qw(verify -x509_strict -purpose sslserver -verify_hostname station.example -CAfile ca/ca.crt station.crt)), qr/OK/, 'openssl lets it be a server');
    like(openssl(qw(verify -purpose sslclient -CAfile ca/ca.crt station.crt)), qr/FAILED/, 'and no client');
    is(openssl(qw(x509 -in station.crt -noout -pubkey)), openssl(qw(pkey -in station.key -pubout)), 'the key is its own');
    is(mode_of('station.key'), '0600', 'for its owner only');
    my ($serial) = openssl(qw(x509 -in station.crt -noout -serial)) =~ /serial=(\w+)/;
    ok(length($serial) >= 28, 'a serial number of 128 bits');
    is(slurp("ca/issued/$serial.crt"), slurp('station.crt'), 'the CA keeps a copy');
    like((index_lines('ca'))[-1], qr/^\S+Z issued $serial \S+Z CN=station,O=Utility$/, 'and its index tells');
    my ($left) = openssl(qw(x509 -in station.crt -noout -checkend), 89 * 86400);
    like($left, qr/will not expire/, 'valid as long as asked');

    my $before = state_of('ca') . slurp('station.key') . slurp('station.crt');
    my ($status, $out, $err) = pki_cmd('issue', '--ca', 'ca', '--name', 'x', '--for', 'client', '--out', 'station');
    is($status, 1, 'is not overwritten');
    like($err, qr/station\.key: is there already/, 'and said');
    rename 'station.key', 'station.moved';
    is((pki_cmd('issue', '--ca', 'ca', '--name', 'x', '--for', 'client', '--out', 'station'))[0], 1, 'nor half of it');
    ok(!-e 'station.key', 'no key without its certificate');
    rename 'station.moved', 'station.key';
    is(state_of('ca') . slurp('station.key') . slurp('station.crt'), $before, 'nothing changed');
};

subtest 'a client with roles' => sub {
    must_pki('issue', '--ca', 'ca', '--name', 'master', '--for', 'client', '--role', 'OPERATOR', '--role', '-2', '--aor', 'rtu-7', '--role-revision', 3, '--out', 'master');
    like(text_of('master.crt'), qr/Extended Key Usage:\s+TLS Web Client Authentication\n/, 'for clients only');
    my @lines = split /\n/, openssl(qw(asn1parse -i -in master.crt));
    my ($at)  = grep { $lines[$_] =~ /1\.2\.840\.10070\.8\.1/ } 0 .. $#lines;
    ok(defined $at, 'the extension is there') or return;
    unlike($lines[ $at + 1 ], qr/BOOLEAN/, 'and not critical');
    my ($octets) = $lines[ $at + 1 ] =~ /HEX DUMP\]:(\w+)/;
    spew('roles.der', pack 'H*', $octets);
    my $parsed = openssl(qw(asn1parse -inform DER -in roles.der));
    is(join(' ', map { /prim: (\w+)\s*:(\S+)/ ? "$1=$2" : /cons: (\w+)/ ? $1 : () } split /\n/, $parsed),
        'SEQUENCE SEQUENCE SEQUENCE INTEGER=01 INTEGER=-02 UTF8STRING=rtu-7 INTEGER=03', 'with the structure of IEC 62351-8');
    must_pki('issue', '--ca', 'ca', '--name', 'two', '--for', 'client', '--role', 'VIEWER', '--aor', 'a', '--aor', 'b', '--out', 'two');
    ok(-s 'two.crt', 'several areas');
};

subtest 'what is not issued' => sub {
    my $before = state_of('ca');
    my @row    = (
        [ qr/needs the host name/, qw(--for server) ],
        [ qr/neither a host name nor an IP address/, qw(--for server --san), '*.example' ],
        [ qr/neither a host name nor an IP address/, qw(--for server --san), 'a,DNS:b' ],
        [ qr/neither a host name nor an IP address/, qw(--for server --san IP:station) ],
        [ qr/--for server, client or both/, qw(--for peer) ],
        [ qr/no such role: ADMINISTRATOR/, qw(--for client --role ADMINISTRATOR --aor x) ],
        [ qr/no such role: 32768/, qw(--for client --role 32768 --aor x) ],
        [ qr/needs --role .* and --aor/, qw(--for client --role VIEWER) ],
        [ qr/1 to 64 octets/, qw(--for client --role VIEWER --aor), 'x' x 65 ],
        [ qr/outlive its CA/, qw(--for client --days 4000) ],
        [ qr/begins with http:/, qw(--for client --crl-url ftp://x) ],
        [ qr/name "/, qw(--for client --name), 'x' x 65 ],
        [ qr/name "/, qw(--for client --name), '/CN' ],
        [ qr/name "/, qw(--for client --name), '/XX=y' ],
    );
    for my $row (@row) {
        my ($says, @how) = @$row;
        my ($status, $out, $err) = pki_cmd('issue', '--ca', 'ca', (grep { $_ eq '--name' } @how) ? () : ('--name', 'x'), '--out', 'no', @how);
        is($status, 1, "@how: is not issued");
        like($err, $says, 'and says why');
    }
    for my $row ([ qr/--ca/ => '--name', 'x' ], [ qr/--name/ => '--ca', 'ca' ], [ qr/from 0 to 255/ => '--role-revision', 256 ],
        [ qr/from 1 to 36500/ => '--days', '0' ], [ qr/from 2048 to 8192/ => '--rsa', 1024 ], [ qr/no such option/ => '--reason', 'x' ], [ qr/options only/ => qw(--ca ca --name x --for client --out no word) ]) {
        my ($says, @how) = @$row;
        my ($status, $out, $err) = pki_cmd('issue', @how);
        is($status, 2, "@how: is misuse");
        like($err, $says, 'and says of what');
    }
    is(state_of('ca'), $before, 'nothing changed');
    is(join(' ', glob 'no*'), '', 'nothing is left');
};

subtest 'requests' => sub {
    must_pki('csr', '--name', '/O=Maker/CN=rtu', '--san', 'rtu.example', '--rsa', 2048, '--out', 'rtu');
    like(openssl(qw(req -in rtu.csr -noout -verify -text)), qr/O = Maker, CN = rtu.*DNS:rtu\.example/s, 'openssl reads it');
    is(mode_of('rtu.key'), '0600', 'its key');
    my ($status, $out, $err) = pki_cmd(qw(sign --ca ca --for client --out rtu.crt rtu.csr));
    is($status, 0, 'is signed') or diag $err;
    like($err, qr/left out/, 'names that were not taken over are told');
    unlike(text_of('rtu.crt'), qr/DNS:rtu/, 'and are not there');
    is((pki_cmd(qw(sign --ca ca --for client --out rtu.crt rtu.csr)))[0], 1, 'not over another');
    must_pki(qw(sign --ca ca --for both --accept-names --san 10.0.0.9 --out rtu2.crt rtu.csr));
    like(text_of('rtu2.crt'), qr/DNS:rtu\.example|IP Address:10\.0\.0\.9, DNS:rtu\.example/, 'unless accepted');
    like(text_of('rtu2.crt'), qr/Subject: O = Maker, CN = rtu\n.*Key Usage: critical\s+Digital Signature, Key Encipherment/s, 'subject of the request, usage of RSA');

    # Made by others, with all that a CA must not take over.
    openssl(qw(req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout evil.key -subj /CN=evil
        -addext keyUsage=keyCertSign -addext), 'basicConstraints=critical,CA:TRUE', '-addext', 'subjectAltName=DNS:*.example,email:a@b', qw(-addext 1.2.840.10070.8.1=DER:0500 -out evil.csr));
    must_pki(qw(sign --ca ca --for client --out evil.crt evil.csr));
    my $text = text_of('evil.crt');
    like($text, qr/CA:FALSE/, 'no CA by request');
    unlike($text, qr/Certificate Sign|1\.2\.840\.10070|example/, 'no rights by request');
    ($status, $out, $err) = pki_cmd(qw(sign --ca ca --for client --accept-names --out evil2.crt evil.csr));
    is($status, 1, 'odd names are not accepted');
    ok(!-e 'evil2.crt', 'nothing is left');

    openssl(qw(req -in rtu.csr -outform DER -out rtu.der));
    my $der = slurp('rtu.der');
    substr($der, -1) = chr(ord(substr $der, -1) ^ 1);    # of the signature
    spew('changed.der', $der);
    openssl(qw(req -inform DER -in changed.der -out changed.csr));
    ($status, $out, $err) = pki_cmd(qw(sign --ca ca --for client --out c.crt changed.csr));
    is($status, 1, 'a changed request is refused');
    like($err, qr/not signed by the key/, 'and said to be');
    openssl(qw(req -new -newkey rsa:1024 -nodes -keyout weak.key -subj /CN=weak -out weak.csr));
    ($status, $out, $err) = pki_cmd(qw(sign --ca ca --for client --out weak.crt weak.csr));
    like($err, qr/not a usable key/, 'a short key is refused');
    must_pki('csr', '--name', 'again', '--key', 'rtu.key', '--out', 'again');
    ok(!-e 'again.key', 'a key that is there is used');
};

subtest 'revocation' => sub {
    must_pki(qw(issue --ca ca --name gone --for client --out gone));
    like(openssl(qw(verify -crl_check -CRLfile ca/ca.crl -CAfile ca/ca.crt gone.crt)), qr/OK/, 'good so far');
    my $out = must_pki(qw(revoke --ca ca --reason keyCompromise gone.crt));
    like($out, qr/revoked \(keyCompromise\)/, 'is revoked');
    like(openssl(qw(verify -crl_check -CRLfile ca/ca.crl -CAfile ca/ca.crt gone.crt)), qr/certificate revoked/, 'openssl sees it');
    like(openssl(qw(verify -crl_check -CRLfile ca/ca.crl -CAfile ca/ca.crt station.crt)), qr/OK/, 'and the others good');
    my ($serial) = openssl(qw(x509 -in gone.crt -noout -serial)) =~ /serial=(\w+)/;
    like(openssl(qw(crl -in ca/ca.crl -noout -text -CAfile ca/ca.crt)), qr/CRL Number:\s+2\n.*Serial Number: $serial\n.*Key Compromise/s, 'number, serial, reason');
    my ($status, $o, $err) = pki_cmd(qw(revoke --ca ca gone.crt));
    is($status, 1, 'not twice');
    like($err, qr/revoked already \(keyCompromise\)/, 'and says so');
    my ($other) = openssl(qw(x509 -in two.crt -noout -serial)) =~ /serial=(\w+)/;
    must_pki(qw(revoke --ca ca), lc($other =~ s/(..)(?!$)/$1:/gr));
    like(openssl(qw(verify -crl_check -CRLfile ca/ca.crl -CAfile ca/ca.crt two.crt)), qr/certificate revoked/, 'by serial number, too');
    must_pki('init', 'namesake', '--name', '/O=Utility/CN=Utility CA');
    must_pki(qw(issue --ca namesake --name x --for client --out namesake));
    for my $row ([ qr/issued no certificate/, '0123' ], [ qr/not issued by this CA/, 'empty/ca.crt' ], [ qr/not issued by this CA/, 'namesake.crt' ],
        [ qr/neither a certificate nor/, 'nothing.crt' ]) {
        ($status, $o, $err) = pki_cmd('revoke', '--ca', 'ca', $row->[1]);
        is($status, 1, "$row->[1]: nothing to revoke");
        like($err, $row->[0], 'and said');
    }
    is((pki_cmd(qw(revoke --ca ca --reason because station.crt)))[0], 2, 'a reason that is none');
    spew('published.crl', 'old');
    must_pki(qw(crl --ca ca --days 30 --out published.crl));
    is(slurp('published.crl'), slurp('ca/ca.crl'), 'published');
    like(openssl(qw(crl -in published.crl -noout -text)), qr/CRL Number:\s+4\n/, 'with the next number');
    my ($list) = must_pki(qw(list --ca ca));
    like($list, qr/^$serial .* keyCompromise +CN=gone$/m, 'the list of what was issued');
    like($list, qr/ good +CN=station,O=Utility$/m, 'tells good from revoked');
};

subtest 'interruptions' => sub {
    my $whole = slurp('ca/index');
    spew('ca/index', $whole . '2026-11-21T09:08:08Z issued 0A1B');
    my ($status, $out, $err) = pki_cmd(qw(crl --ca ca));
    is($status, 0, 'a torn last line does no harm');
    like($err, qr/torn by an interruption/, 'and is told');
    like(slurp('ca/index'), qr/^\Q$whole\E\S+ list 5 \S+\n$/, 'it is gone');
    for my $row ([ 'a changed line', sub { $_[0] =~ s/ issued / isued /r } ], [ 'a line twice', sub { $_[0] =~ s/^(\S+ issued .*\n)/$1$1/mr } ],
        [ 'a lost line', sub { $_[0] =~ s/^\S+ issued .* CN=gone\n//mr } ], [ 'an endless line', sub { $_[0] . 'x' x 5000 . "\n" } ]) {
        my ($what, $how) = @$row;
        my $good = slurp('ca/index');
        spew('ca/index', my $bad = $how->($good));
        ($status, $out, $err) = pki_cmd(qw(crl --ca ca));
        is($status, 1, "$what: is refused");
        like($err, qr/index: line \d+ is damaged/, 'with its place');
        is(slurp('ca/index'), $bad, 'and left as it is');
        spew('ca/index', $good);
    }
    open my $fh, '<', 'ca/index' or die $!;
    flock $fh, LOCK_EX or die $!;
    ($status, $out, $err) = pki_cmd(qw(crl --ca ca));
    is($status, 1, 'two at a time are refused');
    like($err, qr/another gate104 pki/, 'and said');
    close $fh;

    # Killed at any time: the CA still works, and no list number or serial is there twice.
    for my $i (1 .. 12) {
        my $p = spawn_process([ bin('gate104-pki'), 'issue', '--ca', 'ca', '--name', "k$i", '--for', 'client', '--out', "kill$i" ]);
        select undef, undef, undef, 0.0015 * $i;
        stop_process($p, 'KILL');
    }
    ($status, $out, $err) = pki_cmd(qw(crl --ca ca));
    is($status, 0, 'after kills it goes on') or diag $err;
    my %issued = map { /issued (\w+)/ ? ($1 => 1) : () } index_lines('ca');
    my @unknown = grep { !$issued{$_} } map { m{/(\w+)\.crt$} } glob 'ca/issued/*.crt';
    is("@unknown", '', 'no certificate that the index does not know');
    chmod 0644, 'ca/ca.key';
    ($status, $out, $err) = pki_cmd(qw(crl --ca ca));
    like($err, qr/chmod 600/, 'a key that others can read is not used');
    chmod 0600, 'ca/ca.key';
    rename 'ca/ca.key', 'ca.key';
    spew('ca/ca.key', slurp('empty/ca.key'));
    chmod 0600, 'ca/ca.key';
    like((pki_cmd(qw(crl --ca ca)))[2], qr/not the key of ca\.crt/, 'nor that of another CA');
    rename 'ca.key', 'ca/ca.key';
};

subtest 'show' => sub {
    my $out = must_pki('show', 'station.crt');
    like($out, $_, "$_") for qr/^  subject +CN=station,O=Utility$/m, qr/^  issuer +CN=Utility CA,O=Utility$/m, qr/^  names .*DNS:station\.example, IP Address:10\.0\.0\.1/m,
        qr/^  valid until .*\(left: (?:89|90) days\)$/m, qr/^  purpose +TLS Web Server Authentication$/m, qr/^  key +EC P-256$/m, qr/^  list at .*pki\.example/m;
    my ($finger) = openssl(qw(x509 -in station.crt -noout -fingerprint -sha256)) =~ /=(\S+)/;
    my $plain = lc($finger =~ s/://gr);
    my $secret = (split /\n/, slurp('station.key'))[1];
    like($out, qr/^  SHA-256 +$plain$/m, 'the fingerprint that openssl shows');
    my ($pin) = $out =~ /^  key SHA-256 +(\w+)$/m;
    like(must_pki('show', 'station.key'), qr/^private key .*\n.*EC P-256\n  key SHA-256 +$pin\n\z/, 'a key: its public half, which is that of the certificate');
    unlike(must_pki('show', 'station.key'), qr/\Q$secret\E/, 'and nothing else');
    like(must_pki('show', 'rtu.csr'), qr/^certificate request\n.*RSA 2048.*by this key\n.*DNS:rtu\.example/s, 'a request');
    like(must_pki('show', 'ca/ca.crl'), qr/^revocation list\n.*entries +2\n.*keyCompromise/s, 'a list');
    openssl(qw(x509 -in station.crt -outform DER -out station.der));
    is(must_pki('show', 'station.der'), $out, 'DER as PEM');
    spew('two.pem', slurp('station.crt') . slurp('ca/ca.crt'));
    is(() = must_pki('show', 'two.pem') =~ /^certificate$/mg, 2, 'all of a file');
    my @roles = (must_pki('show', 'master.crt') =~ /^  roles? +(.+)$/mg);
    like("@roles", qr/OPERATOR, -2 in "rtu-7", revision 3/, 'roles in words');
    openssl(qw(req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout odd.key -days 1), '-subj', "/CN=a\x1b[31mb", qw(-addext 1.2.840.10070.8.1=ASN1:UTF8:OPERATOR -out odd.crt));
    $out = must_pki('show', 'odd.crt');
    unlike($out, qr/[^\x20-\x7e\n]/, 'no control characters of others');
    like($out, qr/^  roles +not readable/m, 'an extension that is misused is no role');
    for my $text ('', "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "\x30\x82\xff\xff", 'x' x 100000) {
        spew('junk', $text);
        my ($status, $o, $err) = pki_cmd('show', 'junk');
        is($status, 1, 'nothing to show');
        like($err, qr/junk: /, 'and said');
    }
    is((pki_cmd('show', 'missing'))[0], 1, 'no file');
    is((pki_cmd('show'))[0], 2, 'none named');
};

subtest 'check' => sub {
    my @ca = qw(--ca ca/ca.crt --crl ca/ca.crl);
    my @row = (
        [ 0, qr/master\.crt: would be accepted\n\z/, @ca, 'master.crt' ],
        [ 0, qr/accepted\n  not checked whether it is revoked/, qw(--ca ca/ca.crt master.crt) ],
        [ 1, qr/REFUSED \(certificate-revoked\).*\n.*TLS_CERT_REVOKED\n.*keyCompromise/, @ca, 'gone.crt' ],
        [ 1, qr/REFUSED \(certificate-purpose\)/, @ca, 'station.crt' ],
        [ 0, qr/accepted/, @ca, qw(--server-name station.example station.crt) ],
        [ 0, qr/accepted/, @ca, qw(--server-name 10.0.0.1 station.crt) ],
        [ 1, qr/REFUSED \(peer-name-mismatch\)/, @ca, qw(--server-name other.example station.crt) ],
        [ 1, qr/REFUSED \(certificate-purpose-server\).*\n  event IEC62351-9:2\.23 CERT_PKCE_EKU_TLS_SA/, @ca, qw(--server-name master master.crt) ],
        [ 1, qr/REFUSED \(unknown-ca\)/, qw(--ca empty/ca.crt master.crt) ],
        [ 1, qr/no certificate in PEM form/, @ca, 'master.key' ],
        [ 1, qr/not signed by a CA/, qw(--ca empty/ca.crt --crl ca/ca.crl master.crt) ],
        [ 2, qr/--ca/, 'master.crt' ],
        [ 2, qr/one certificate/, @ca ],
    );
    for my $row (@row) {
        my ($want, $says, @how) = @$row;
        my ($status, $out, $err) = pki_cmd('check', @how);
        is($status, $want, "status $want: @how[-3..-1]") if @how >= 3;
        is($status, $want, "status $want: @how") if @how < 3;
        like($out . $err, $says, 'and says why');
    }
};

# A gate104 with what the commands made.
subtest 'in use' => sub {
    must_pki(qw(issue --ca ca --name station.lab --for both --san station.lab --san 127.0.0.1 --out live));
    must_pki(qw(issue --ca ca --name operator --for client --role OPERATOR --aor rtu-7 --out operator));
    chmod 0755, $DIR;
    my $rtu  = start_rtu();
    my $port = free_port();
    my $conf = write_config(tls => { cert => "$DIR/live.crt", key => "$DIR/live.key", ca => ["$DIR/ca/ca.crt"], crl => ["$DIR/ca/ca.crl"] },
        routes => [ { name => 'r', mode => 'protect-rtu', listen => ["127.0.0.1:$port"], rtu => ["127.0.0.1:$rtu->{port}"] } ]);
    my ($status, $out, $err) = pki_cmd('check', '--config', "$conf/gate104.conf", 'operator.crt');
    is($status, 0, 'check by the configuration') or diag $out, $err;
    is((pki_cmd('check', '--config', "$conf/gate104.conf", 'gone.crt'))[0], 1, 'and a revoked one');
    my ($pin) = openssl(qw(x509 -in live.crt -noout -fingerprint -sha256)) =~ /=(\S+)/;
    my $pinned = write_config(tls => { cert => "$DIR/live.crt", key => "$DIR/live.key", ca => ["$DIR/ca/ca.crt"], crl => ["$DIR/ca/ca.crl"], pins => ["sha256:$pin"] },
        routes => [ { name => 'r', mode => 'protect-rtu', listen => ["127.0.0.1:$port"], rtu => ["127.0.0.1:$rtu->{port}"] } ]);
    ($status, $out, $err) = pki_cmd('check', '--config', "$pinned/gate104.conf", 'operator.crt');
    is($status, 1, 'pins count, too');
    like($out, qr/REFUSED.*\n(?:.*\n)*.*pins/, 'and are named') or diag $out, $err;
    is((pki_cmd('check', '--config', "$pinned/gate104.conf", 'live.crt'))[0], 0, 'for others only');
    is((pki_cmd('check', '--config', "$conf/gate104.conf", '--route', 'none', 'operator.crt'))[0], 1, 'a route that is none');
    my $g = start_gate104($conf);
    my @tls = ('--connect', "127.0.0.1:$port", '--tls', '--ca-file', "$DIR/ca/ca.crt", '--peer-name', 'station.lab', '--timeout', 10);
    ($status, $out, $err) = run_command([ bin('gate104-sim'), 'master', @tls, '--cert', "$DIR/operator.crt", '--key', "$DIR/operator.key", 'gi' ]);
    is($status, 0, 'a master with our certificate works') or diag $out, $err;
    ($status, $out, $err) = run_command([ bin('gate104-sim'), 'master', @tls, '--cert', "$DIR/gone.crt", '--key', "$DIR/gone.key", 'gi' ]);
    isnt($status, 0, 'one that is revoked does not, as check said');
    is(stop_process($g, 'TERM'), 0, 'stops');
};

subtest 'help' => sub {
    for my $command (qw(init issue csr sign revoke crl list show check enrol)) {
        my ($status, $out) = pki_cmd($command, '--help');
        is($status, 0, "$command --help");
        like($out, qr/^usage: gate104 pki $command /, 'tells how');
    }
    is((pki_cmd())[0], 2, 'without a command');
    is((pki_cmd('frob'))[0], 2, 'with one that is none');
};

chdir '/';
done_testing;

#!/usr/bin/perl
# gate104 pki enrol against an EST responder (RFC 7030) that also answers as badly as
# responders do.  The label in the URL says how: /.well-known/est/LABEL/OPERATION.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use IO::Select;
use IO::Socket::SSL;
use MIME::Base64;
use POSIX ();
use Test::More;

die "gate104-pki is not built: make programs\n" if !-x bin('gate104-pki');

my $DIR = scratch();
chdir $DIR or die $!;

sub pki_cmd { return run_command([ bin('gate104'), 'pki', @_ ], seconds => 60) }

sub must {
    my ($status, $out, $err) = run_command([@_], dir => $DIR);
    die "@_: $out$err" if $status != 0;
    return $out;
}
sub must_pki { return must(bin('gate104'), 'pki', @_) }
sub openssl  { return must('openssl', @_) }

must_pki('init', 'ca', '--name', '/O=Lab/CN=EST CA');
must_pki('init', 'foreign', '--name', 'Foreign CA');
must_pki('issue', '--ca', 'ca', '--name', 'est.lab', '--for', 'server', '--san', '127.0.0.1', '--out', 'server');
must_pki('issue', '--ca', 'ca', '--name', 'factory', '--for', 'client', '--out', 'factory');
must_pki('issue', '--ca', 'ca', '--name', 'other', '--for', 'both', '--san', 'other.lab', '--out', 'other');
spew("$DIR/user.pw", "secret\n");
chmod 0600, "$DIR/user.pw";

# ---- the responder ----------------------------------------------------------------------

# Signed by the openssl command, which knows nothing of gate104.
sub sign_request {
    my ($der, $ca, @validity) = @_;
    spew("$DIR/in.der", $der);
    my @validity_or_default = @validity ? @validity : ('-days', 300);
    openssl('x509', '-req', '-inform', 'DER', '-in', 'in.der', '-CA', "$ca/ca.crt", '-CAkey', "$ca/ca.key",
            '-copy_extensions', 'copy', '-out', 'signed.crt', @validity_or_default);
    return 'signed.crt';
}

sub pkcs7 {
    my (@files) = @_;
    openssl('crl2pkcs7', '-nocrl', '-outform', 'DER', '-out', 'p7.der', map { ('-certfile', $_) } @files);
    return slurp('p7.der');
}

sub ok_answer { my ($der) = @_; return (200, 'application/pkcs7-mime; smime-type=certs-only', encode_base64($der)) }

my %asked; # label => number of enrolments
my $html = "<!DOCTYPE html><html><body>Welcome to the intranet</body></html>\n";

# How each label answers an enrolment: (status, type, body, extra headers).
my %ENROL = (
    good      => sub { ok_answer(pkcs7(sign_request($_[0], 'ca'))) },
    chain     => sub { ok_answer(pkcs7(sign_request($_[0], 'ca'), 'ca/ca.crt')) },
    later     => sub { $asked{later}++ == 0 ? (202, 'text/plain', 'soon', 'Retry-After: 1') : ok_answer(pkcs7(sign_request($_[0], 'ca'))) },
    'much-later' => sub { spew("$DIR/asked.der", $_[0]); (202, 'text/plain', 'soon', 'Retry-After: 3600') },
    'no-hurry'   => sub { (202, 'text/plain', 'soon') },
    mtls      => sub { $_[1]->get_sslversion && $_[1]->peer_certificate ? ok_answer(pkcs7(sign_request($_[0], 'ca'))) : (401, 'text/plain', 'certificate?') },
    basic     => sub { $_[2] =~ /^Authorization: Basic @{[ encode_base64('rtu-7:secret', '') ]}\r?$/m ? ok_answer(pkcs7(sign_request($_[0], 'ca')))
                       : (401, 'text/plain', 'password?', 'WWW-Authenticate: Basic realm="est"') },
    unauthorized => sub { (401, 'text/plain', 'no') },
    busy      => sub { (503, 'text/plain', 'no', 'Retry-After: 5') },
    bad       => sub { (400, 'text/plain', 'no') },
    failed    => sub { (500, 'text/plain', 'no') },
    odd       => sub { (204, 'text/plain', '') },
    redirect  => sub { (302, 'text/plain', 'there', 'Location: https://127.0.0.1/') },
    html      => sub { (200, 'text/html', $html) },
    'html-lies' => sub { (200, 'application/pkcs7-mime', $html) },
    empty     => sub { (200, 'application/pkcs7-mime', '') },
    truncated => sub { my ($s, $t, $b) = ok_answer(pkcs7(sign_request($_[0], 'ca'))); ($s, $t, substr($b, 0, length($b) / 2)) },
    'no-certificate' => sub { openssl('crl2pkcs7', '-in', 'ca/ca.crl', '-outform', 'DER', '-out', 'p7.der'); ok_answer(slurp('p7.der')) },
    'bare-certificate' => sub { openssl('x509', '-in', sign_request($_[0], 'ca'), '-outform', 'DER', '-out', 'c.der'); ok_answer(slurp('c.der')) },
    behind    => sub { ok_answer(pkcs7(sign_request($_[0], 'ca')) . 'more') },
    'other-key' => sub { ok_answer(pkcs7('other.crt')) },
    foreign   => sub { ok_answer(pkcs7(sign_request($_[0], 'foreign'))) },
    expired   => sub { ok_answer(pkcs7(sign_request($_[0], 'ca', '-days', -1))) },
    huge      => sub { (200, 'application/pkcs7-mime', 'A' x 2_000_000) },
    'huge-chunked' => sub { (200, 'application/pkcs7-mime', 'A' x 2_000_000, 'X-Chunked: yes') },
    short     => sub { (200, 'application/pkcs7-mime', 'AAAA', 'Content-Length: 4000') },
    closed    => sub { () },
);
my %CACERTS = (
    'ca-html'  => sub { (200, 'text/html', $html) },
    'ca-none'  => sub { (404, 'text/plain', 'no') },
    'ca-closed' => sub { () },
);

sub answer {
    my ($client, $status, $type, $body, @extra) = @_;
    my $chunked = grep { /^X-Chunked/ } @extra;
    my $length  = grep { /^Content-Length/ } @extra;
    push @extra, 'Content-Length: ' . length $body if !$length && !$chunked;
    push @extra, 'Transfer-Encoding: chunked' if $chunked;
    $body = join('', map { sprintf("%x\r\n%s\r\n", length, $_) } unpack('(a65536)*', $body)) . "0\r\n\r\n" if $chunked;
    print $client join("\r\n", "HTTP/1.1 $status X", "Content-Type: $type", 'Connection: close', @extra, '', $body);
}

sub serve_one {
    my ($client, $log) = @_;
    my ($head, $line) = ('');
    while (defined($line = <$client>)) { $head .= $line; last if $line =~ /^\r?\n$/ }
    my ($method, $label, $op) = $head =~ m{^(\w+) /\.well-known/est(?:/([\w-]+))?/(\w+) } or return;
    my ($n) = $head =~ /^Content-Length: (\d+)/mi;
    my $body = '';
    read $client, $body, $n if $n;
    print $log join(' ', $method, $label // '-', $op, $head =~ /^Content-Type: (\S+)/mi ? $1 : '-', $client->get_sslversion,
                    $client->get_cipher, $client->peer_certificate ? 'certificate' : 'nobody'), "\n";
    my $how = $op eq 'cacerts' ? $CACERTS{ $label // '' } // sub { ok_answer(pkcs7('ca/ca.crt')) } : $ENROL{ $label // 'good' };
    my @answer = $how ? $how->(decode_base64($body), $client, $head) : (404, 'text/plain', 'no');
    answer($client, @answer) if @answer;
}

my $listen = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => 0, ReuseAddr => 1) or die $!;
my $URL    = 'https://127.0.0.1:' . $listen->sockport;

my $owner = $$;

sub serve {
    local $SIG{PIPE} = 'IGNORE';
    open my $log, '>>', "$DIR/server.log" or die $!;
    $log->autoflush(1);
    my $select = IO::Select->new($listen);
    while (getppid == $owner) {
        $select->can_read(1) or next;
        my $tcp = $listen->accept or next;
        my $client = IO::Socket::SSL->start_SSL($tcp, SSL_server => 1, SSL_cert_file => 'server.crt', SSL_key_file => 'server.key',
            SSL_ca_file => 'ca/ca.crt', SSL_verify_mode => SSL_VERIFY_PEER, Timeout => 5) or next;
        eval { serve_one($client, $log); 1 } or print $log "error: $@";
        $client->close;
    }
}

my $pid = fork // die $!;
if (!$pid) {
    # Leaves the folder alone when it ends.
    $SIG{$_} = sub { POSIX::_exit(0) } for qw(TERM INT HUP);
    serve();
    POSIX::_exit(0);
}
END { if (defined $owner && $$ == $owner && $pid) { kill 'TERM', $pid; waitpid $pid, 0 } }

my @TRUST = ('--ca', 'ca/ca.crt');
sub enrol { my ($label, @more) = @_; return pki_cmd('enrol', '--server', "$URL/$label", @TRUST, @more) }
sub server_said { return (split /\n/, slurp("$DIR/server.log"))[-1] // '' }
sub text_of { return must('openssl', 'x509', '-in', $_[0], '-noout', '-text') }
sub key_of  { my ($kind, $file) = @_; return openssl($kind eq 'key' ? ('pkey', '-in', $file, '-pubout') : ('x509', '-in', $file, '-noout', '-pubkey')) }
sub verifies { my ($file) = @_; my ($s) = run_command([ qw(openssl verify -x509_strict -CAfile ca/ca.crt), $file ]); return $s == 0 }

# ---- the good ways ----------------------------------------------------------------------

subtest 'a first certificate' => sub {
    my ($status, $out, $err) = enrol('good', '--name', '/O=Lab/CN=rtu-7', '--san', 'rtu-7.lab', '--san', '10.0.0.7', '--out', 'first', '--ca-out', 'est-ca.crt');
    is($status, 0, 'is there') or diag $out, $err;
    like($out, qr/^first\.crt: CN=rtu-7,O=Lab, serial /, 'and named');
    like($err, qr/IEC62351-9:1\.5 CRED_ENR_EST_SUCC/, 'the event');
    ok(verifies('first.crt'), 'openssl verifies it');
    is(key_of('crt', 'first.crt'), key_of('key', 'first.key'), 'it is of our key');
    like(text_of('first.crt'), qr/DNS:rtu-7\.lab, IP Address:10\.0\.0\.7/, 'with the names asked for');
    is((stat 'first.key')[2] & 07777, 0600, 'the key is for its owner only');
    ok(!-e 'first.csr', 'the request is gone');
    is(slurp('est-ca.crt'), slurp('ca/ca.crt'), 'the CAs of the server');
    like(server_said(), qr{^POST good simpleenroll application/pkcs10 TLSv1_3 TLS_AES_\d+_GCM_SHA\d+ nobody}, 'asked as RFC 7030 wants');
    my @before = map { slurp($_) } qw(first.key first.crt);
    ($status, $out, $err) = enrol('good', '--name', 'x', '--out', 'first');
    is($status, 1, 'a second time is refused');
    like($err, qr/first\.crt: is there already/, 'with the reason');
    is_deeply([ map { slurp($_) } qw(first.key first.crt) ], \@before, 'and changes nothing');
};

subtest 'without a label' => sub {
    my ($status) = pki_cmd('enrol', '--server', "$URL/", @TRUST, '--name', 'plain', '--out', 'plain', '--rsa', 2048);
    is($status, 0, 'works');
    like(text_of('plain.crt'), qr/Public-Key: \(2048 bit\)/, 'RSA if asked for');
};

subtest 'authentication' => sub {
    my ($status, $out, $err) = enrol('mtls', '--name', 'x', '--out', 'mtls');
    is($status, 1, 'nobody is refused');
    like($err, qr/answered 401.*--cert and --key/, 'and told what to do');
    ($status, $out, $err) = enrol('mtls', '--name', 'x', '--out', 'mtls', '--cert', 'factory.crt', '--key', 'factory.key');
    is($status, 0, 'a certificate is accepted') or diag $err;
    like(server_said(), qr/ certificate$/, 'the server saw it');
    ($status, $out, $err) = enrol('basic', '--name', 'x', '--out', 'basic', '--user', 'rtu-7', '--password-file', 'user.pw');
    is($status, 0, 'a password is accepted') or diag $err;
    chmod 0644, 'user.pw';
    ($status, $out, $err) = enrol('basic', '--name', 'x', '--out', 'basic2', '--user', 'rtu-7', '--password-file', 'user.pw');
    is($status, 1, 'but not from a file that others can read');
    like($err, qr/chmod 600/, 'with the remedy');
    chmod 0600, 'user.pw';
    ($status, $out, $err) = enrol('mtls', '--name', 'x', '--out', 'wrong', '--cert', 'factory.crt', '--key', 'other.key');
    like($err, qr/not the key of factory\.crt/, 'a wrong key is noticed here');
};

subtest 'later' => sub {
    my ($status, $out, $err) = enrol('later', '--name', 'later', '--out', 'later', '--wait', 60);
    is($status, 0, 'is waited for') or diag $err;
    ($status, $out, $err) = enrol('much-later', '--name', 'much', '--out', 'much', '--wait', 10);
    is($status, 3, 'but not for ever');
    like($err, qr/asked again in 3600 s/, 'and told');
    unlike($err, qr/EST_FAIL/, 'it is no failure');
    ok(-s 'much.key' && -s 'much.csr' && !-e 'much.crt', 'key and request stay');
    my $asked = slurp('asked.der');
    ($status, $out, $err) = enrol('good', '--name', 'ignored', '--out', 'much');
    is($status, 0, 'the next run goes on');
    is(slurp('in.der'), $asked, 'with the same request, octet by octet');
    is(key_of('crt', 'much.crt'), key_of('key', 'much.key'), 'and the same key');
    is((enrol('no-hurry', '--name', 'x', '--out', 'hurry'))[0], 3, 'without Retry-After, too');
};

# ---- renewal ----------------------------------------------------------------------------

sub renew { my ($label, $name, @more) = @_; return enrol($label, '--renew', '--cert', "$name.crt", '--key', "$name.key", @more) }

# A certificate that began so many days ago and ends in so many.
sub aged {
    my ($name, $ago, $left) = @_;
    my ($from, $to) = map { POSIX::strftime('%Y%m%d%H%M%SZ', gmtime(time + 86400 * $_)) } -$ago, $left;
    openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', "$name.key", '-subj', "/O=Lab/CN=$name",
            '-addext', "subjectAltName=DNS:$name.lab", '-out', "$name.csr");
    mkdir 'aged';
    spew('aged.cnf', "[ca]\ndefault_ca=c\n[c]\ndatabase=aged/index\nserial=aged/serial\nnew_certs_dir=aged\ndefault_md=sha256\npolicy=p\n"
                   . "copy_extensions=copy\nunique_subject=no\n[p]\ncommonName=supplied\norganizationName=optional\n");
    spew('aged/index', '') if !-e 'aged/index';
    spew('aged/serial', "01\n") if !-e 'aged/serial';
    openssl('ca', '-batch', '-notext', '-config', 'aged.cnf', '-cert', 'ca/ca.crt', '-keyfile', 'ca/ca.key', '-startdate', $from, '-enddate', $to,
            '-in', "$name.csr", '-out', "$name.crt");
    unlink "$name.csr";
    chmod 0600, "$name.key";
}

subtest 'renewal' => sub {
    aged('young', 68, 32);
    my $old = slurp('young.crt');
    my ($status, $out, $err) = renew('mtls', 'young');
    is($status, 0, 'at 68 % nothing is to be done');
    like($out, qr/young\.crt: to be renewed from 20\S+Z on/, 'and says from when on');
    is(slurp('young.crt'), $old, 'nothing changed');
    ($status, $out, $err) = renew('mtls', 'young', '--force');
    is($status, 0, 'unless forced') or diag $err;
    isnt(slurp('young.crt'), $old, 'it is another one');

    aged('old', 71, 29);
    my $key = slurp('old.key');
    ($status, $out, $err) = renew('mtls', 'old');
    is($status, 0, 'at 71 % it is renewed') or diag $err;
    like(server_said(), qr/simplereenroll .* certificate$/, 'with itself as witness');
    is(slurp('old.key'), $key, 'the key stays');
    is(key_of('crt', 'old.crt'), key_of('key', 'old.key'), 'and is that of the new certificate');
    like(text_of('old.crt'), qr/DNS:old\.lab/, 'same alternative names');
    like(text_of('old.crt'), qr/Subject: CN = old, O = Lab/, 'same subject');

    aged('rekey', 71, 29);
    my $was = slurp('rekey.crt');
    ($status, $out, $err) = renew('mtls', 'rekey', '--out', 'rekeyed');
    is($status, 0, 'with --out') or diag $err;
    isnt(key_of('crt', 'rekeyed.crt'), key_of('key', 'rekey.key'), 'there is a new key');
    is(key_of('crt', 'rekeyed.crt'), key_of('key', 'rekeyed.key'), 'with its certificate');
    is(slurp('rekey.crt'), $was, 'beside the old pair');

    aged('long', 2000, 400);
    ($was) = slurp('long.crt');
    ($status, $out, $err) = renew('mtls', 'long');
    is($status, 1, 'a renewal that ends sooner is refused');
    like($err, qr/ends no later than the old one/, 'and says so');
    is(slurp('long.crt'), $was, 'nothing changed');
};

# ---- the bad ways -----------------------------------------------------------------------

my @BAD = (
    [ unauthorized => qr/answered 401/ ],
    [ busy         => qr/answered 503: it is busy/ ],
    [ bad          => qr/answered 400/ ],
    [ failed       => qr/answered 500/ ],
    [ odd          => qr/answered 204/ ],
    [ nonsense     => qr/answered 404: it has no EST service/ ],
    [ redirect     => qr/answered 302: it points elsewhere/ ],
    [ html         => qr/another kind of content instead of application\/pkcs7-mime/ ],
    [ 'html-lies'  => qr/not base64 of a certs-only PKCS#7/ ],
    [ empty        => qr/is this an EST server\?/ ],
    [ truncated    => qr/not base64 of a certs-only PKCS#7/ ],
    [ behind       => qr/not base64 of a certs-only PKCS#7/ ],
    [ 'no-certificate'   => qr/not base64 of a certs-only PKCS#7/ ],
    [ 'bare-certificate' => qr/not base64 of a certs-only PKCS#7/ ],
    [ 'other-key'  => qr/certificate for another key/ ],
    [ foreign      => qr/cannot be used: unable to get local issuer/ ],
    [ expired      => qr/cannot be used: certificate has expired/ ],
    [ huge         => qr/larger than 262144 octets/ ],
    [ 'huge-chunked' => qr/larger than 262144 octets/ ],
    [ short        => qr/https:\/\/127\.0\.0\.1/ ],
    [ closed       => qr/https:\/\/127\.0\.0\.1/ ],
    [ 'ca-html'    => qr/another kind of content/ ],
    [ 'ca-none'    => qr/answered 404/ ],
    [ 'ca-closed'  => qr/https:\/\/127\.0\.0\.1/ ],
);

subtest 'bad answers' => sub {
    aged('kept', 90, 10);
    my @kept = map { slurp($_) } qw(kept.crt kept.key);
    for my $row (@BAD) {
        my ($label, $says) = @$row;
        my ($status, $out, $err) = enrol($label, '--name', 'x', '--out', "bad-$label");
        is($status, 1, "$label: is a failure");
        like($err, $says, "$label: says why");
        like($err, qr/IEC62351-9:1\.6 CRED_ENR_EST_FAIL/, "$label: the event");
        is(join(' ', glob "bad-$label*"), '', "$label: leaves nothing");
        next if $label =~ /^ca-/;
        ($status, $out, $err) = renew($label, 'kept');
        is($status, 1, "$label: a renewal fails, too");
        is_deeply([ map { slurp($_) } qw(kept.crt kept.key) ], \@kept, "$label: and keeps what is there");
    }
};

subtest 'whom it trusts' => sub {
    my ($status, $out, $err) = pki_cmd('enrol', '--server', $URL, '--ca', 'foreign/ca.crt', '--name', 'x', '--out', 'x');
    is($status, 1, 'a server of another CA is refused');
    like($err, qr/certificate/i, 'because of its certificate');
    my $n = () = slurp("$DIR/server.log") =~ /\n/g;
    ($status, $out, $err) = pki_cmd('enrol', '--server', $URL =~ s/127\.0\.0\.1/localhost/r, @TRUST, '--name', 'x', '--out', 'x');
    is($status, 1, 'and one of another name') or diag $out;
    is(scalar(() = slurp("$DIR/server.log") =~ /\n/g), $n, 'before it was asked anything');
    ($status, $out, $err) = pki_cmd('enrol', '--server', $URL, @TRUST, '--crl', 'ca/ca.crl', '--name', 'x', '--out', 'listed');
    is($status, 0, 'with a revocation list') or diag $err;
    must_pki('revoke', '--ca', 'ca', 'server.crt');
    ($status, $out, $err) = pki_cmd('enrol', '--server', $URL, @TRUST, '--crl', 'ca/ca.crl', '--name', 'x', '--out', 'x');
    is($status, 1, 'a revoked server is refused');
    like($err, qr/revoked/, 'and said to be');
    is(join(' ', glob 'x.*'), '', 'nothing is left');
};

subtest 'misuse' => sub {
    for my $row (
        [ [ '--ca', 'ca/ca.crt', '--name', 'x', '--out', 'x' ], 2, qr/--server/ ],
        [ [ '--server', $URL, '--name', 'x', '--out', 'x' ], 2, qr/--ca/ ],
        [ [ '--server', $URL, @TRUST, '--name', 'x' ], 2, qr/--out/ ],
        [ [ '--server', $URL, @TRUST, '--renew' ], 2, qr/--cert/ ],
        [ [ '--server', $URL, @TRUST, '--name', 'x', '--out', 'x', '--user', 'u' ], 2, qr/--password-file/ ],
        [ [ '--server', $URL, @TRUST, '--name', 'x', '--out', 'x', '--cert', 'factory.crt' ], 2, qr/--key/ ],
        [ [ '--server', $URL =~ s/https/http/r, @TRUST, '--name', 'x', '--out', 'x' ], 1, qr/https:/ ],
        [ [ '--server', 'https://u:p@127.0.0.1/', @TRUST, '--name', 'x', '--out', 'x' ], 1, qr/https:/ ],
    ) {
        my ($status, $out, $err) = pki_cmd('enrol', @{ $row->[0] });
        is($status, $row->[1], "status $row->[1]: @{ $row->[0] }[0..1]");
        like($err, $row->[2], 'says what is missing');
    }
};

chdir '/';
done_testing;

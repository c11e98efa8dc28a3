#!/usr/bin/perl
# gate104d -t: broken configurations are refused with file, line and remedy; the examples
# of the manual are good.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Copy qw(copy);
use Gate104;
use Test::More;

my $pki  = pki();
my $root = $> == 0;
my $dir  = scratch();

# A folder as an operator has it: configuration, policies and certificates in one place.
for my $name (qw(station.crt station.key ca.crt ca.crl other-ca.crt expired.crt expired.key
    wrongeku.crt wrongeku.key foreign.key)) {
    copy("$pki/$name", "$dir/$name") or die "$name: $!";
    chmod 0600, "$dir/$name";
}
copy("$ROOT/tests/vectors/log/seal.key", "$dir/seal.key") or die "seal.key: $!";
chmod 0600, "$dir/seal.key";
copy($_, $dir) or die "$_: $!" for glob("$ROOT/doc/examples/*.{policy,csv}");

# With an existing user for all roles when started as root.
sub local_paths {
    my ($text) = @_;
    $text =~ s{"/var/log/gate104"}{"$dir/log"};
    $text =~ s{"/run/gate104"}{"$dir/run"};
    $text =~ s{^user = "_gate104";}{user = "nobody";}m;
    $text = qq(user = "nobody"; $text) if $root && $text !~ /^user = /m;
    return $text;
}

sub check {
    my ($name, $text) = @_;
    spew("$dir/$name", $text);
    my ($status, $out, $err) = run_command([ bin('gate104d'), '-c', "$dir/$name", '-t' ]);
    return ($status, $out, $err);
}

# ---- the examples ----

for my $file (glob("$ROOT/doc/examples/*.conf")) {
    my ($name) = $file =~ m{([^/]+)$};
    my ($status, $out, $err) = check($name, local_paths(slurp($file)));
    is($status, 0, "$name is good") or diag $err;
    unlike($err, qr/error/, "$name: no error");
    like($out, qr/configuration is good/, "$name: says so");
}

# ---- broken ones ----

# Lines are counted in this text.
my $good = local_paths(<<"C");
user = "_gate104"; run_dir = "/run/gate104";
audit = { dir = "/var/log/gate104"; };
tls = { cert = "station.crt"; key = "station.key";
        ca = [ "ca.crt" ]; crl = [ "ca.crl" ]; };
routes = (
  { name = "rtu-7"; mode = "protect-rtu";
    listen = [ "127.0.0.1:19998" ];
    rtu = [ "127.0.0.1:2404" ];
    allow_from = [ "127.0.0.0/8" ];
    policy = "rtu-7.policy"; },
  { name = "old-master"; mode = "wrap-master";
    listen = [ "127.0.0.1:2405" ];
    remote = [ "127.0.0.1:19999" ];
    peer_name = "station.lab";
    policy = "rtu-7.policy"; }
);
C

{
    my ($status, $out, $err) = check('good.conf', $good);
    is($status, 0, 'the text the others are made of is good') or diag $err;
}

spew("$dir/wide.key", slurp("$dir/station.key"));
chmod 0644, "$dir/wide.key";
spew("$dir/rubbish.crt", "-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n");
spew("$dir/late.policy", <<'P');
control = { rules = (
  { types = [ "C_SC_NA_1" ]; ca = [ 1 ];
    step = 5.0; roles = [ "OPERATOR" ];
    max_age = 5; }
); };
P
spew("$dir/typo.policy", qq(control = { rules = (\n { types = [ "C_SC_NA1" ]; }\n); };\n));

# [what, text to replace, replacement, line, words of the error, words of the remedy, file]
my @broken = (
    [ 'a key with a typing error', 'allow_from', 'allow_form', 9,
      qr/routes\[0\]\.allow_form: there is no such key/, qr/did you mean "allow_from"\?/ ],
    [ 'a missing semicolon', 'run_dir', 'run_dir "x"', 1, qr/syntax error/, qr/missing/ ],
    [ 'a bracket that is not closed', qr/\Q[ "127.0.0.0\/8" ]/, '[ "127.0.0.0/8"', 10,
      qr/'\}' stands against '\[' of line 9/, qr/missing between/ ],
    [ 'a host name', '127.0.0.1:2404', 'rtu7.example:2404', 8, qr/is a host name/,
      qr/resolves no names/ ],
    [ 'a port that is none', '127.0.0.1:19998', '127.0.0.1:119998', 7, qr/"119998" is not a port/,
      qr/1 to 65535/ ],
    [ 'a network with host bits', '127.0.0.0/8', '127.0.0.1/8', 9, qr/bits set behind its prefix/,
      qr{127\.0\.0\.0/8} ],
    [ 'an address for two routes', '127.0.0.1:2405', '127.0.0.1:19998', 12,
      qr/clashes with an address of the route of line 6/, qr/its own address or port/ ],
    [ 'plain 104 open to the network', '127.0.0.1:2405', '0.0.0.0:2405', 12, qr/without TLS/,
      qr/plaintext_listen = true/ ],
    [ 'a name twice', 'old-master', 'rtu-7', 11, qr/line 6 has the name "rtu-7"/, qr/rename/ ],
    [ 'a number out of range', 'listen = [ "127.0.0.1:19998" ];',
      'listen = [ "127.0.0.1:19998" ]; k = 40000;', 7, qr/k: 40000 is out of range/,
      qr/1 to 32767/ ],
    [ 'a number that would wrap', 'listen = [ "127.0.0.1:19998" ];',
      'listen = [ "127.0.0.1:19998" ]; k = 4294967308;', 7, qr/above 2147483647/, qr/large/ ],
    [ 'no peer name', 'peer_name = "station.lab";', '', 11, qr/peer_name: the key is missing/,
      qr/add peer_name/ ],
    [ 'a key of another version', 'policy = "rtu-7.policy"; },', 'policy = "rtu-7.policy"; pcap = "x"; },',
      10, qr/pcap: not supported by this version/, qr/write record = "pcapng"/ ],
    [ 'an included file', 'tls =', "\@include \"/etc/passwd\"\ntls =", 3, qr/not supported/,
      qr/into this file/ ],
    [ 'an expired certificate', qr/station\.crt"; key = "station\.key/, 'expired.crt"; key = "expired.key',
      3, qr/expired \d+ days ago/, qr/renew/ ],
    [ 'a certificate for servers only', qr/station\.crt"; key = "station\.key/,
      'wrongeku.crt"; key = "wrongeku.key', 3, qr/not for TLS clients/, qr/extended key usage/ ],
    [ 'rubbish for a certificate', 'station.crt', 'rubbish.crt', 3, qr/rubbish\.crt/, qr/PEM/ ],
    [ 'a key that others can read', 'station.key', 'wide.key', 3, qr/open to others \(mode 0644\)/,
      qr/chmod 0600/ ],
    [ 'a key that is not there', 'station.key', 'none.key', 3, qr/No such file/, qr/create/ ],
    [ "another certificate's key", 'station.key', 'foreign.key', 3,
      qr/not the private key of the certificate/, qr/the certificate was issued for/ ],
    [ 'a CRL of another CA', '"ca.crt"', '"other-ca.crt"', 4, qr/not among the CAs/, qr/add that CA/ ],
    [ 'no log folder', "$dir/log", '/nonexistent/log', 2, qr/audit\.dir: cannot use/, qr/create/ ],
    [ 'a policy that is not there', 'policy = "rtu-7.policy"; },', 'policy = "none"; },', 10,
      qr/No such file/, qr/create/ ],
    [ 'steps in a policy', 'policy = "rtu-7.policy"; },', 'policy = "late.policy"; },', 3,
      qr/step: C_SC_NA_1 is no set point/, qr/a rule of its own/, 'late.policy' ],
    [ 'an age in a policy', 'policy = "rtu-7.policy"; },', 'policy = "late.policy"; },', 4,
      qr/max_age: wrong type of value/, qr/a string/, 'late.policy' ],
    [ 'a type with a typing error', 'policy = "rtu-7.policy"; },', 'policy = "typo.policy"; },', 2,
      qr/"C_SC_NA1" is no type/, qr/did you mean "C_SC_NA_1"\?/, 'typo.policy' ],
);

for my $b (@broken) {
    my ($what, $find, $replace, $line, $words, $remedy, $file) = @$b;
    my $text = $good;
    $find = qr/\Q$find\E/ if !ref $find;
    $text =~ s/$find/$replace/ or die "$what: nothing to replace";
    my ($status, $out, $err) = check('broken.conf', $text);
    $file //= 'broken.conf';
    is($status, 1, "$what: exit status 1");
    my @hit = grep { m{^\Q$dir/$file\E:$line: error: } && /$words/ && /; .*$remedy/ } split /\n/, $err;
    ok(@hit == 1, "$what: line $line, what and remedy") or diag "$text\n$err";
    unlike($out, qr/good/, "$what: is not called good");
}

# ---- the file itself ----

{
    my ($status, $out, $err) = run_command([ bin('gate104d'), '-c', "$dir/nowhere.conf", '-t' ]);
    is($status, 1, 'a file that is not there: exit status 1');
    like($err, qr/nowhere\.conf: error: .*No such file.*; create/, 'a file that is not there: says so');
}

# All mistakes of a file are told at once.
{
    my $text = $good;
    $text =~ s/rtu = \[/rut = [/;
    $text =~ s/peer_name/per_name/;
    my ($status, $out, $err) = check('two.conf', $text);
    like($err, qr/:8: error: routes\[0\]\.rut.*"rtu"/, 'first mistake');
    like($err, qr/:14: error: routes\[1\]\.per_name.*"peer_name"/, 'second mistake');
}

# Nothing the file says reaches the terminal as a control character.
{
    my $text = $good;
    $text =~ s/rtu-7\.policy/\e[31m.policy/;
    my ($status, $out, $err) = check('escape.conf', $text);
    is($status, 1, 'escape sequence: refused');
    unlike($err, qr/\e/, 'escape sequence: not printed');
}

done_testing();

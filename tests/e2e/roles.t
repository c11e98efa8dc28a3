#!/usr/bin/perl
# Roles in the master's certificate (IEC 62351-8, extension 1.2.840.10070.8.1): what rules
# of the policy make of them, and what the log says.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use Raw104;
use Test::More;

my $pki = pki();

# ---- certificates ------------------------------------------------------------------

sub der {
    my ($tag, @parts) = @_;
    my $body = join '', @parts;
    my $n = length($body) / 2;
    return sprintf($n < 128 ? '%02x%02x' : $n < 256 ? '%02x81%02x' : '%02x82%04x', $tag, $n) . $body;
}
sub number { my ($v) = @_; return der(2, $v >= -128 && $v < 128 ? sprintf('%02x', $v & 255) : sprintf('%04x', $v & 65535)) }
sub text { return der(0x0c, unpack 'H*', $_[0]) }

# One UserRoleInfo: roles, area, revision, then what is optional.
sub info {
    my ($roles, $area, $revision, @rest) = @_;
    return der(0x30, der(0x30, map { number($_) } @$roles), text($area), number($revision), @rest);
}
sub roles { return der(0x30, @_) }

# A certificate of the lab's CA with these octets (hex) as its extension.
sub issue {
    my ($name, $octets, $use) = @_;
    $use //= 'clientAuth';
    my $extension = defined $octets ? '1.2.840.10070.8.1=DER:' . join(':', $octets =~ /../g) . "\n" : '';
    spew("$pki/$name.cnf", "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
        . "subjectAltName=DNS:$name.lab\nextendedKeyUsage=$use\n$extension");
    my ($status, undef, $err) = run_command([ 'sh', '-ec', <<'S', 'sh', $pki, $name ]);
cd "$1"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$2.key" 2>/dev/null
openssl req -new -key "$2.key" -config ca.cnf -subj "/O=gate104 lab/CN=$2.lab" -out "$2.csr"
openssl x509 -req -in "$2.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -sha256 \
    -extfile "$2.cnf" -out "$2.crt" 2>/dev/null
S
    $status == 0 or die "certificate $name: $err";
}

my %CERT = (
    operator   => roles(info([1], 'rtu-7', 3)),
    viewer     => roles(info([0], 'rtu-7', 3)),
    several    => roles(info([4], 'elsewhere', 3), info([0], 'rtu-7', 3), info([1], 'rtu-7', 3)),
    deleted    => roles(info([1], 'rtu-7', 3, der(0x0a, '02'))),
    elsewhere  => roles(info([1], 'rtu-8', 3)),
    outdated   => roles(info([1], 'rtu-7', 2)),
    unknown    => roles(info([7], 'rtu-7', 3)),
    definition => roles(info([1], 'rtu-7', 3, text('ACME'))),
    private    => roles(info([-1], 'rtu-7', 3, text('CEI 0-16'))),
    misuse     => text('OPERATOR'),
    trailing   => roles(info([1], 'rtu-7', 3)) . '00',
    operation  => roles(info([1], 'rtu-7', 3, der(0x0a, '04'))),
    long       => roles((map { info([1], 'x' x 64, 3) } 1 .. 13), info([1], 'rtu-7', 3)),
    longer     => roles(info([1], 'rtu-7', 3), map { info([1], 'x' x 64, 3) } 1 .. 14),
    none       => undef,
);
issue($_, $CERT{$_}) for sort keys %CERT;
issue('rtu', roles(info([1], 'route', 3)), 'serverAuth');

# ---- routes ------------------------------------------------------------------------

my $RULES = <<'P';
  { name = "breakers"; types = [ "C_SC_NA_1" ]; ca = [ 1 ]; ioa = [ "1001-1100" ]; roles = [ "OPERATOR", "DSO" ]; },
  { name = "watch"; types = [ "C_CI_NA_1" ]; roles = ( "VIEWER", 1 ); },
  { name = "station"; types = [ "C_IC_NA_1", "C_CS_NA_1" ]; ca = [ 1 ]; }
P
my $ROLES = qq(role_names = { DSO = -1; };\nmonitor = { default = "pass"; };\n)
    . qq(control = { default = "refuse"; rules = (\n$RULES); };\n);
# Whom no rule stops may do all; what the rules leave out is for masters without a role, too.
my $OPEN = <<'P';
monitor = { default = "pass"; rules = ( { name = "blind"; roles = [ "VIEWER" ]; types = [ "M_ME_NA_1" ]; action = "drop"; } ); };
control = { default = "pass"; rules = ( { name = "viewers"; types = [ "C_SC_NA_1" ]; roles = [ "VIEWER" ]; action = "refuse"; } ); };
P
my $PLAIN = <<'P';
monitor = { default = "pass"; };
control = { default = "refuse"; rules = ( { name = "breakers"; types = [ "C_SC_NA_1" ]; } ); };
P

my %routes = (
    'rtu-7' => { policy_text => $ROLES, role_revision => 3 },
    lenient => { policy_text => $ROLES, areas => [ 'north', 'rtu-7' ], role_definitions => ['CEI 0-16'], no_role => 'OPERATOR' },
    open    => { policy_text => $OPEN, areas => ['rtu-7'] },
    plain   => { policy_text => $PLAIN },
    observe => { policy_text => $ROLES, areas => ['rtu-7'], enforce => \'false' },
);
my @names = sort keys %routes;
my %port  = map { $_ => free_port() } @names;
my %hand  = map { $_ => Raw104->listener } @names;
my $dir   = write_config(routes => [ map { +{
    name => $_, mode => 'protect-rtu', listen => ["127.0.0.1:$port{$_}"], rtu => ["127.0.0.1:$hand{$_}{port}"],
    %{ $routes{$_} } } } @names ]);
my $gate  = start_gate104($dir);

sub both {
    my ($route, $cert) = @_;
    my $m = Raw104->connect_tls($port{$route}, $pki, name => $cert) or die "$route: no TLS";
    $m->send($Raw104::STARTDT_ACT);
    my $s = Raw104->accept($hand{$route}) or die "$route: not dialled";
    $s->started && $m->until_apdu($Raw104::STARTDT_CON) or die "$route: no session";
    return ($m, $s);
}

my $ON      = $Raw104::SINGLE_ON;                # C_SC_NA_1, object 1001
my $GI      = '64010600010000000014';
my $COUNTER = '65010600010000000005';            # C_CI_NA_1
my $CLOCK   = '67010600010000000010271e0c0f0618';
my $POINT   = '010103000100010f0001';
my $VALUE   = '090103000100020f00' . '004000';   # M_ME_NA_1

# What comes out at the station, 'refused' when the master got a negative confirmation.
sub fate {
    my ($m, $s, $asdu) = @_;
    $m->send($m->i($asdu));
    $m->send($m->i($GI));
    my $got = $s->until_asdu(qr/./) // 'nothing';
    return 'nothing' if $got eq 'nothing';
    if ($got eq $asdu) {
        $s->until_asdu(qr/^$GI/);
        return 'passed';
    }
    return "changed to $got" if $got ne $GI;
    my $answer = $m->until_asdu(qr/^@{[ substr $asdu, 0, 2 ]}/) // return 'no answer';
    return $answer eq substr($asdu, 0, 4) . '47' . substr($asdu, 6) ? 'refused' : "answered $answer";
}

sub told {
    my ($m) = @_;
    $m->close;
    wait_until(sub { grep { $_->{event} eq 'session.close' } records_of_client($dir, $m->{port}) });
    return records_of_client($dir, $m->{port});
}
sub of { my ($event, @r) = @_; return grep { $_->{event} eq $event } @r }
# "1.6 AT_AOR_UNKNOWN" of every warning.
sub warnings_in { return join ', ', map { ($_->{iec62351} =~ s/^IEC62351-8://r) . " $_->{why}" } of('role.no-right', @_), of('role.malformed', @_) }

# ---- what roles allow --------------------------------------------------------------

for my $case (
    # certificate, single command, counters, clock (which is for everybody), roles in the log, warnings
    [ 'operator',   'passed',  'passed',  'passed',  'OPERATOR:3:IEC62351-8', '' ],
    [ 'viewer',     'refused', 'passed',  'passed',  'VIEWER:3:IEC62351-8', '' ],
    [ 'several',    'passed',  'passed',  'passed',  'VIEWER:3:IEC62351-8 OPERATOR:3:IEC62351-8', '1.6 AT_AOR_UNKNOWN' ],
    [ 'deleted',    'refused', 'refused', 'refused', 'none', '' ],
    [ 'elsewhere',  'refused', 'refused', 'refused', 'none', '1.6 AT_AOR_UNKNOWN' ],
    [ 'outdated',   'refused', 'refused', 'refused', 'none', '1.5 AT_RV_NR_MISMATCH' ],
    [ 'unknown',    'refused', 'refused', 'refused', 'none', '1.4 AT_ROLEID_UNKNOWN' ],
    [ 'definition', 'refused', 'refused', 'refused', 'none', '1.7 AT_ROLEDEF_UNKNOWN' ],
    [ 'private',    'refused', 'refused', 'refused', 'none', '1.7 AT_ROLEDEF_UNKNOWN' ],
    [ 'misuse',     'refused', 'refused', 'refused', 'none', '1.2 AT_NOT_AVAIL' ],
    [ 'trailing',   'refused', 'refused', 'refused', 'none', '1.2 AT_NOT_AVAIL' ],
    [ 'operation',  'refused', 'refused', 'refused', 'none', '1.9 AT_OP_UNKNOWN' ],
    [ 'long',       'passed',  'passed',  'passed',  'OPERATOR:3:IEC62351-8', '1.6 AT_AOR_UNKNOWN' ],
    [ 'longer',     'refused', 'refused', 'refused', 'none', '1.2 AT_NOT_AVAIL' ],
    [ 'none',       'refused', 'refused', 'refused', 'none', '1.2 AT_NOT_AVAIL' ],
) {
    my ($cert, $single, $counters, $clock, $roles, $warnings) = @$case;
    subtest "certificate '$cert'" => sub {
        my ($m, $s) = both('rtu-7', $cert);
        is(fate($m, $s, $ON), $single, "a command is $single");
        is(fate($m, $s, $COUNTER), $counters, "a rule for viewers and operators: $counters");
        is(fate($m, $s, $CLOCK), $clock, "a rule for everybody: $clock");
        $s->send($s->i($POINT));
        is($m->until_asdu(qr/^01/), $POINT, 'the session goes on');
        my @r = told($m);
        my ($open) = of('session.open', @r);
        is($open->{roles}, $roles, 'the log says which roles hold');
        is(warnings_in(@r), $warnings, 'and what was found against the others');
        my $malformed = $cert =~ /misuse|trailing|operation|longer/ ? 1 : 0;
        is(scalar(of('role.malformed', @r)), $malformed, $malformed ? 'as an alarm' : 'no alarm');
        my ($refused) = grep { $_->{type} eq 'C_SC_NA_1' } of('policy.refused', @r);
        is($refused && $refused->{rule}, $single eq 'passed' ? undef : 'default', 'a rule for others did not match');
        my @clock = grep { $_->{type} eq 'C_CS_NA_1' } of('policy.refused', @r);
        is($clock[0] && $clock[0]{rule}, $clock eq 'passed' ? undef : 'no_role', 'a master without a role is refused for that');
    };
}

subtest 'a route that knows more, and has a role for masters without one' => sub {
    for my $case ([ 'none', 'passed', 'OPERATOR:0:no_role' ], [ 'private', 'passed', 'DSO:3:CEI 0-16' ], [ 'outdated', 'passed', 'OPERATOR:2:IEC62351-8' ],
                  [ 'elsewhere', 'refused', 'none' ], [ 'misuse', 'refused', 'none' ], [ 'viewer', 'refused', 'VIEWER:3:IEC62351-8' ]) {
        my ($cert, $want, $roles) = @$case;
        my ($m, $s) = both('lenient', $cert);
        is(fate($m, $s, $ON), $want, "$cert: $want");
        my ($open) = of('session.open', told($m));
        is($open->{roles}, $roles, 'in the log');
    }
};

subtest 'rules that take away' => sub {
    for my $case ([ 'operator', 'passed' ], [ 'viewer', 'refused' ], [ 'none', 'refused' ], [ 'misuse', 'refused' ]) {
        my ($cert, $want) = @$case;
        my ($m, $s) = both('open', $cert);
        is(fate($m, $s, $ON), $want, "$cert: a command that everybody but viewers may send is $want");
        $s->send($s->i($VALUE));
        $s->send($s->i($POINT));
        my $first = $m->until_asdu(qr/^0[19]/);
        is($first, $cert eq 'viewer' ? $POINT : $VALUE, 'in monitor direction the role is that of the master');
        $m->close;
    }
};

subtest 'a route that only observes' => sub {
    for my $case ([ 'operator', 'op.command', 'breakers' ], [ 'viewer', 'policy.would-refuse', 'default' ]) {
        my ($cert, $event, $rule) = @$case;
        my ($m, $s) = both('observe', $cert);
        is(fate($m, $s, $ON), 'passed', "$cert: a command passes");
        my ($r) = grep { $_->{type} eq 'C_SC_NA_1' } of($event, told($m));
        is($r && $r->{rule}, $rule, "and the log says $event");
    }
};

subtest 'a policy without roles' => sub {
    for my $cert (qw(none viewer misuse elsewhere)) {
        my ($m, $s) = both('plain', $cert);
        $m->send($m->i($ON));
        is($s->until_asdu(qr/./), $ON, "$cert: a command passes");
        my @r = told($m);
        is(warnings_in(@r), '', 'no warning');
        my ($open) = of('session.open', @r);
        ok(!exists $open->{roles}, 'no word of roles');
    }
};

is(stop_process($gate, 'TERM'), 0, 'clean stop');

# ---- wrap-master -------------------------------------------------------------------

subtest 'masters without certificates' => sub {
    for my $case ([ undef, 'refused', 'none' ], [ 'VIEWER', 'refused', 'VIEWER:0:no_role' ], [ 'OPERATOR', 'accepted', 'OPERATOR:0:no_role' ]) {
        my ($no_role, $want, $roles) = @$case;
        # The RTU's own certificate says OPERATOR; that is no right of the master.
        my $rtu = start_rtu('--tls', '--ca-file', "$pki/ca.crt", '--cert', "$pki/rtu.crt", '--key', "$pki/rtu.key");
        my $g   = start_route({ mode => 'wrap-master', remote => ["127.0.0.1:$rtu->{port}"], name => 'route', peer_name => 'rtu.lab',
                                policy_text => $ROLES, defined $no_role ? (no_role => $no_role) : () },
                              pki => $pki, tls => { cert => "$pki/master.crt", key => "$pki/master.key" });
        my $m = run_master($g->{port}, 'gi accepted', "single 1001 on $want");
        is($m->{status}, 0, 'no_role = ' . ($no_role // 'refuse-commands') . ": $want") or diag $m->{err};
        my $open = wait_record($g->{dir}, { event => 'session.open' });
        is($open && $open->{roles}, $roles, 'in the log');
        is(stop_process($g->{gate}, 'TERM'), 0, 'clean stop');
        stop_process($rtu, 'TERM');
    }
};

done_testing;

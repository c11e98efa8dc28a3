#!/usr/bin/perl
# The records of a real log are what doc/log-record.schema.json says, and the schema, the
# tables of events and fields and doc/log-format.md know the same names.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Gate104;
use JSON::PP;
use JsonSchema;
use Raw104;
use Test::More;

my $schema = decode_json(slurp("$ROOT/doc/log-record.schema.json"));
my %known  = %{ $schema->{properties} };

subtest 'the same names everywhere' => sub {
    my $events = slurp("$ROOT/proxy/event.def");
    my %event  = map { $_ => 1 } @{ $known{event}{enum} };
    my @events = map { "$_->[0].$_->[1]" } do { my @e; push @e, [ $1, $2 ] while $events =~ /^X\(\w+, \d+, "([^"]+)", "([^"]+)"/mg; @e };
    cmp_ok(scalar @events, '>', 50, 'events');
    is(join(' ', grep { !$event{$_} } @events), '', 'in the schema, each of them');
    my @keys = slurp("$ROOT/proxy/record_tag.def") =~ /^X\(\w+, \d+, "([^"]+)"/mg;
    cmp_ok(scalar @keys, '>', 50, 'fields');
    is(join(' ', grep { !$known{$_} } @keys), '', 'in the schema, each of them');
    my %told = map { $_ => 1 } slurp("$ROOT/doc/log-format.md") =~ /`([a-z0-9_]+)`/g;
    is(join(' ', grep { !$told{$_} } @keys), '', 'and in doc/log-format.md');
    my $checked = system('python3 -c "import jsonschema" 2>/dev/null') == 0
        && qx(python3 -W ignore -c 'import json,sys,jsonschema; jsonschema.Draft7Validator.check_schema(json.load(open(sys.argv[1]))); print("good")' $ROOT/doc/log-record.schema.json);
  SKIP: {
        skip 'no jsonschema for Python', 1 if !$checked;
        is($checked, "good\n", 'the schema is one');
    }
};

# ---- a log with as many kinds of records as one run can make ----

my $pki = pki();
my $rtu = Raw104->listener;
my %port = map { $_ => free_port() } qw(strict lax);
my %route = (mode => 'protect-rtu', rtu => ["127.0.0.1:$rtu->{port}"], record_points => 'all', quirks => ['ca-zero'], points_per_second => 1, k => 40);
my $dir = write_config(routes => [ { %route, name => 'strict', listen => ["127.0.0.1:$port{strict}"], points => 'strict.csv' },
                                   { %route, name => 'lax', listen => ["127.0.0.1:$port{lax}"], enforce => \'false', secauth => 'passthrough' } ]);
spew("$dir/strict.csv", join "\n", 'name,ca,ioa,type', "\xE2\x82\xAC" x 21 . ',1,1001,C_SC_NA_1', '"state ""1""",1,1001,1', 'back\slash,1,9,M_ME_NC_1', '');
my $gate = start_gate104($dir);

sub session {
    my ($route) = @_;
    my $m = Raw104->connect_tls($port{$route}, $pki) or die 'no TLS';
    $m->send($Raw104::STARTDT_ACT);
    my $s = Raw104->accept($rtu) or die 'no session';
    $s->started && $m->until_apdu($Raw104::STARTDT_CON) or die 'no STARTDT';
    return ($m, $s);
}

my $MARK = '01010300010005000001';

for my $route (qw(strict lax)) {
    my ($m, $s) = session($route);
    my @ok = ('2d0106000100e9030081', '2d0106000100e9030001', '3201060001001505000000284200');
    for my $c (@ok) {
        $m->send($m->i($c));
        $s->until_asdu(qr/^$c$/);
        $s->send($s->i($c =~ s/^(....)06/${1}07/r));
    }
    $s->send($s->i('2d010a000100e9030001'), $s->i('01010b000100e9030001'));
    # Of no rule, of a wrong cause, of a type that is none.
    $m->send($m->i('2d010600010001000001'), $m->i('2d0107000100e9030001'), $m->i('070106000100e9030001'));
    # A value, infinite, in no station's name; then what tells that all came.
    $s->send($s->i('0d01030001000900000000807f00'), $s->i('01010300000009000001'), $s->i('02010300010009000001000000')) if $route eq 'strict';
    $s->send($s->i('0d01030001000900000000807f00'), map { $s->i($MARK) } 1 .. 5);
    $m->until_asdu(qr/^$MARK$/);
    if ($route eq 'lax') {
        # Octets that are no APDU.
        $m->send('6902');
    } else {
        $m->close;
    }
    wait_record($dir, { event => 'session.close', route => $route });
}
Raw104->connect_tls($port{strict}, $pki, name => undef);
wait_record($dir, { event => 'tls.handshake-failed' });
run_command([ bin('gate104'), 'monitor-only', '--socket', "$dir/run/control", 'on', 'strict' ]);
kill 'HUP', $gate->{pid};
wait_record($dir, { event => qr/^system\.reload/ });
stop_process($gate, 'TERM');

my @records = records($dir);
my %seen;
$seen{ $_->{event} }++ for @records;
ok($seen{$_}, $_) for qw(op.command op.confirmed op.closed policy.refused policy.would-refuse asdu.malformed apci.malformed point.value
                         log.thinned session.open session.close session.startdt tls.handshake-failed log.opened log.closed system.start);
my @wrong = grep { $_->{faults} } map { my $r = $_; my @f = schema_faults($schema, $r); @f ? { faults => "$r->{seq} $r->{event}: @f" } : () } @records;
is(join("\n", map { $_->{faults} } @wrong), '', 'each record is what the schema says');

# ---- and what it does not say is found ----

my ($closed) = grep { $_->{event} eq 'op.closed' } @records;
for my $case ([ 'a field more', sub { $_[0]{strange} = 1 } ], [ 'a field less', sub { delete $_[0]{outcome} } ],
              [ 'no number', sub { $_[0]{seq} = "$_[0]{seq}" } ], [ 'another version', sub { $_[0]{v} = 2 } ],
              [ 'a number too large', sub { $_[0]{ioa} = 16777216 } ], [ 'not printable', sub { $_[0]{why} = "\n" } ],
              [ 'another event', sub { $_[0]{event} = 'op.close' } ], [ 'a short hash', sub { chop $_[0]{prev} } ],
              [ 'a word of its own', sub { $_[0]{outcome} = 'open' } ]) {
    my ($what, $spoil) = @$case;
    my $copy = decode_json(encode_json($closed));
    is(scalar(schema_faults($schema, $copy)), 0, 'good') if $what eq 'a field more';
    $spoil->($copy);
    isnt(scalar(my @f = schema_faults($schema, $copy)), 0, $what);
}

done_testing;

# A checker for the part of JSON Schema (draft 7) that doc/log-record.schema.json uses.  A
# keyword it does not know is a fault: nothing in the schema goes unchecked.
package JsonSchema;
use strict;
use warnings;
use B ();
use JSON::PP;
use Exporter 'import';
our @EXPORT = qw(schema_faults);

my %ABOUT = map { $_ => 1 } qw($schema title description definitions then);

# JSON's numbers and strings, as the decoder left them.
sub kind {
    my ($v) = @_;
    return 'null'    if !defined $v;
    return 'object'  if ref $v eq 'HASH';
    return 'array'   if ref $v eq 'ARRAY';
    return 'boolean' if JSON::PP::is_bool($v);
    my $flags = B::svref_2object(\$v)->FLAGS;
    return 'string' if $flags & B::SVf_POK;
    return $flags & B::SVf_IOK ? 'integer' : 'number';
}

sub same { my ($a, $b) = @_; return kind($a) eq kind($b) && $a eq $b }

my %check = (
    type => sub {
        my ($want, $v) = @_;
        my $is = kind($v);
        return $is eq $want || ($want eq 'number' && $is eq 'integer') ? () : "is a $is, not a $want";
    },
    const   => sub { return same($_[0], $_[1]) ? () : "is not $_[0]" },
    enum    => sub { my ($want, $v) = @_; return (grep { same($_, $v) } @$want) ? () : 'is none of the words' },
    # `$` is the very end there.
    pattern => sub { my ($want, $v) = @_; $want =~ s/\$\z/\\z/; return kind($v) ne 'string' || $v =~ /$want/ ? () : "is not like $want" },
    maxLength => sub { return kind($_[1]) ne 'string' || length $_[1] <= $_[0] ? () : "is longer than $_[0]" },
    minimum   => sub { return kind($_[1]) !~ /^(integer|number)$/ || $_[1] >= $_[0] ? () : "is below $_[0]" },
    maximum   => sub { return kind($_[1]) !~ /^(integer|number)$/ || $_[1] <= $_[0] ? () : "is above $_[0]" },
    required  => sub { my ($want, $v) = @_; return map { exists $v->{$_} ? () : "has no $_" } @$want },
    anyOf => sub {
        my ($want, $v, $top) = @_;
        return (grep { !faults($_, $v, $top) } @$want) ? () : 'is nothing of what it may be';
    },
    allOf => sub { my ($want, $v, $top) = @_; return map { faults($_, $v, $top) } @$want },
    properties => sub {
        my ($want, $v, $top) = @_;
        return map { my $k = $_; exists $v->{$k} ? map { "$k $_" } faults($want->{$k}, $v->{$k}, $top) : () } sort keys %$want;
    },
    additionalProperties => sub {
        my ($want, $v, $top, $schema) = @_;
        return $want ? () : map { exists $schema->{properties}{$_} ? () : "has $_" } sort keys %$v;
    },
    if => sub {
        my ($want, $v, $top, $schema) = @_;
        return faults($want, $v, $top) ? () : faults($schema->{then}, $v, $top);
    },
    '$ref' => sub {
        my ($want, $v, $top) = @_;
        my ($name) = $want =~ m{^#/definitions/(\w+)$} or return "refers to $want";
        return $top->{definitions}{$name} ? faults($top->{definitions}{$name}, $v, $top) : "refers to $want";
    },
);

sub faults {
    my ($schema, $v, $top) = @_;
    return map { $ABOUT{$_} ? () : $check{$_} ? $check{$_}->($schema->{$_}, $v, $top, $schema) : "the schema says $_" } sort keys %$schema;
}

# What is wrong with a decoded value; nothing if it fits.
sub schema_faults { my ($schema, $v) = @_; return faults($schema, $v, $schema) }

1;

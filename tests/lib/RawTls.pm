# A TLS peer whose octets go through the hands of the test: what it wants to say is given
# out, what it hears is handed in.
package RawTls;
use strict;
use warnings;
use Net::SSLeay;

Net::SSLeay::initialize();

# options: server, version (0x0303 or 0x0304), pki, name (of the certificate)
sub new {
    my ($class, %o) = @_;
    my $ctx = Net::SSLeay::CTX_new_with_method(Net::SSLeay::TLS_method());
    my $file = "$o{pki}/" . ($o{name} // ($o{server} ? 'station' : 'master'));
    Net::SSLeay::CTX_set_min_proto_version($ctx, $o{version});
    Net::SSLeay::CTX_set_max_proto_version($ctx, $o{version});
    Net::SSLeay::CTX_use_certificate_chain_file($ctx, "$file.crt") or die "$file.crt";
    Net::SSLeay::CTX_use_PrivateKey_file($ctx, "$file.key", Net::SSLeay::FILETYPE_PEM()) or die "$file.key";
    my $ssl = Net::SSLeay::new($ctx);
    my ($in, $out) = map { Net::SSLeay::BIO_new(Net::SSLeay::BIO_s_mem()) } 1, 2;
    Net::SSLeay::set_bio($ssl, $in, $out);
    $o{server} ? Net::SSLeay::set_accept_state($ssl) : Net::SSLeay::set_connect_state($ssl);
    return bless { ctx => $ctx, ssl => $ssl, in => $in, out => $out }, $class;
}

sub DESTROY {
    my ($t) = @_;
    Net::SSLeay::free($t->{ssl});
    Net::SSLeay::CTX_free($t->{ctx});
}

# What it has written, octets.
sub output {
    my ($t) = @_;
    my $octets = '';
    while (defined(my $part = Net::SSLeay::BIO_read($t->{out}))) {
        last if $part eq '';
        $octets .= $part;
    }
    return $octets;
}

# Hears these octets and gives what it says to that while it shakes hands.
sub flight {
    my ($t, $heard) = (@_, '');
    Net::SSLeay::BIO_write($t->{in}, $heard) if $heard ne '';
    Net::SSLeay::do_handshake($t->{ssl});
    return $t->output;
}

sub done { return Net::SSLeay::state($_[0]{ssl}) == 1 }

# Application data as records; and what has come so far.
sub seal { my ($t, $octets) = @_; Net::SSLeay::write($t->{ssl}, $octets); return $t->output }
sub open {
    my ($t, $heard) = @_;
    Net::SSLeay::BIO_write($t->{in}, $heard) if $heard ne '';
    my $plain = '';
    while (defined(my $part = Net::SSLeay::read($t->{ssl}))) { last if $part eq ''; $plain .= $part }
    return $plain;
}

# The records of these octets, [type, version, fragment] each.
sub records {
    my ($octets) = @_;
    my @records;
    while (length $octets >= 5) {
        my ($type, $version, $size) = unpack 'Cnn', $octets;
        last if length $octets < 5 + $size;
        push @records, [ $type, $version, substr $octets, 5, $size ];
        substr $octets, 0, 5 + $size, '';
    }
    return @records;
}

sub record { my ($type, $version, $fragment) = @_; return pack('Cnn', $type, $version, length $fragment) . $fragment }

1;

#!/usr/bin/perl
# DKIM by Mail::DKIM (Debian's libmail-dkim-perl), and so independently of OpenDKIM. Keys come from a
# file and not from the DNS, a line each: the name of the record, a blank, its text.
#
#   dkim.pl sign PRIVATE-KEY-FILE SELECTOR DOMAIN   the message on standard input, to standard output
#   dkim.pl verify KEYS                             prints "RESULT DOMAIN" of every DKIM-Signature of it
#
# Messages may have LF line ends; what was signed has CRLF.
use strict;
use warnings;
use Mail::DKIM::PublicKey;
use Mail::DKIM::Signer;
use Mail::DKIM::Verifier;

sub feed {
    my ($dkim) = @_;
    local $/ = undef;
    my $text = <STDIN> // '';
    $text =~ s/\r?\n/\r\n/g;
    $dkim->PRINT($text);
    $dkim->CLOSE;
    return $text;
}

sub sign {
    my ($key, $selector, $domain) = @_;
    my $dkim = Mail::DKIM::Signer->new(
        Algorithm => 'rsa-sha256', Method => 'relaxed/simple',
        Domain => $domain, Selector => $selector, KeyFile => $key
    );
    my $text = feed($dkim);
    print $dkim->signature->as_string, "\r\n", $text;
    return;
}

my %records;

sub read_records {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!\n";
    while (my $line = <$file>) {
        my ($name, $text) = $line =~ /^(\S+)\s+(.*)$/ or die "$path: $line";
        $records{ lc $name } = $text;
    }
    close $file;
    return;
}

# In place of the DNS.
sub from_file {
    my ($class, %asked) = @_;
    my $text = $records{ lc "$asked{Selector}._domainkey.$asked{Domain}" };
    my $key;
    if (defined $text) {
        $key = $class->parse($text);
        $key->{Selector} = $asked{Selector};
        $key->{Domain}   = $asked{Domain};
        $key->check;
    }
    my $success = $asked{Callbacks}{Success} || sub { $_[0] };
    return sub { $success->($key) };
}

sub verify {
    my ($path) = @_;
    read_records($path);
    no warnings 'redefine';
    local *Mail::DKIM::PublicKey::fetch_async = \&from_file;
    my $dkim = Mail::DKIM::Verifier->new;
    feed($dkim);
    for my $signature ($dkim->signatures) {
        printf "%s %s\n", $signature->result_detail, $signature->domain;
    }
    return;
}

my $verb = shift // '';
if    ($verb eq 'sign' && @ARGV == 3)   { sign(@ARGV) }
elsif ($verb eq 'verify' && @ARGV == 1) { verify(@ARGV) }
else  { die "usage: dkim.pl sign KEY SELECTOR DOMAIN | verify KEYS\n" }

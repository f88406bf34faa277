#!/usr/bin/perl
# What relays and mailbox formats do to a message on its way: 8-bit octets encoded, lines over 998 octets
# wrapped, white space at line ends cut, "From " at the beginning of a line quoted, header fields folded
# anew, and line ends written as LF (relay.pl --lf) or CRLF. From standard input to standard output.
use strict;
use warnings;

my $line_end = @ARGV && $ARGV[0] eq '--lf' ? "\n" : "\r\n";
binmode STDIN;
binmode STDOUT;
my $message = do { local $/; <STDIN> };
my ($header, $body) = $message =~ /\A(.*?\n)\r?\n(.*)\z/s or die "no header\n";

# One blank is where a field may be folded; what was folded may become one line.
$header =~ s/\r?\n(?=[ \t])//g;
$header =~ s/^([\w-]+:.{20,60}?;) +/$1\n\t/gm;

for ($header, $body) {
    s/[ \t]+(?=\r?$)//gm;
    s/([\x80-\xff])/sprintf '=%02X', ord $1/ge;
    s/\r?\n/$line_end/g;
}
$body =~ s/^From />From /gm;
$body =~ s/([^\r\n]{998})(?=[^\r\n])/$1$line_end/g;
print $header, $line_end, $body;

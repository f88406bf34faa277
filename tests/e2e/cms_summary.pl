#!/usr/bin/perl
# One line about a CMS structure, condensed from what `openssl cms -cmsout -print -noout` prints.
#
#   openssl cms -cmsout -print -noout -in MESSAGE | cms_summary.pl
use strict;
use warnings;

my ($type, $section, $wanted) = ('', '', '');
my (@signers, @recipients, $cipher);
my $certificates = 0;

while (<STDIN>) {
    $type = $1 if !$type && /^  contentType: \S*?(\w+) \(/;
    $section = $1 if /^ {4}(\w+):/;
    if ($section eq 'certificates') {
        $certificates++ if /^ {6}d\.certificate:/;
        next;
    }
    push @signers, {} if $section eq 'signerInfos' && /^ {8}version:/;
    push @recipients, { kind => $1 } if $section eq 'recipientInfos' && /^ {6}d\.(\w+):/;
    # The next "algorithm:" belongs to the last name of this kind.
    $wanted = $1 if /^ {6,8}(digest|signature|keyEncryption|contentEncryption)Algorithm:/;
    next unless $wanted && /^ +algorithm: (\S+)/;
    if    ($wanted eq 'contentEncryption') { $cipher                        = $1 }
    elsif ($wanted eq 'keyEncryption')     { $recipients[-1]{algorithm}     = $1 if @recipients }
    elsif (@signers)                       { $signers[-1]{$wanted}          = $1 }
    $wanted = '';
}

my %name = (
    signedData              => 'SignedData',
    envelopedData           => 'EnvelopedData',
    authEnvelopedData       => 'AuthEnvelopedData',
);
my @line = ($name{$type} // 'no CMS that openssl knows');
for my $signer (@signers) {
    push @line, "SignerInfo $signer->{digest} with $signer->{signature}";
}
push @line, $certificates == 1 ? '1 certificate' : "$certificates certificates" if $certificates;
push @line, $cipher if $cipher;
for my $recipient (@recipients) {
    push @line, "RecipientInfo $recipient->{kind} $recipient->{algorithm}";
}
print join(', ', @line), "\n";
exit($type ? 0 : 1);

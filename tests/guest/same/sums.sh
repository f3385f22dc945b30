# SPDX-License-Identifier: GPL-3.0-or-later
# Prints what every correct machine computes alike: checksums, ciphers, compression, text tools.
seq 1 30000 >sums.data
for sum in md5sum sha1sum sha224sum sha256sum sha384sum sha512sum b2sum cksum sum; do
    echo "$sum $($sum <sums.data)"
done
for digest in sha256 sha512 sha3-256 blake2b512 sm3; do
    openssl dgst -"$digest" -r <sums.data
done
key=000102030405060708090a0b0c0d0e0f
for cipher in aes-128-cbc aes-128-ctr camellia-128-cbc; do
    openssl enc -"$cipher" -K $key -iv $key <sums.data | sha256sum
done
openssl enc -aes-256-cbc -K $key$key -iv $key <sums.data | openssl enc -d -aes-256-cbc -K $key$key -iv $key | cmp - sums.data &&
    echo decrypted
openssl enc -chacha20 -K $key$key -iv $key <sums.data | sha256sum
gzip -9n <sums.data | sha256sum
gzip -9n <sums.data | gzip -d | cmp - sums.data && echo unpacked
sort -n -k 1.2 -t , sums.data | sha256sum
sort -R --random-source=sums.data sums.data | sha256sum
tr 0-9 a-j <sums.data | grep -c 'ab.*c$'
sed -n '1000,1010s/\(.\)$/-\1/p' sums.data | paste -sd+
awk '{ s += $1 * $1 % 7; t += 1 / $1 } END { printf "%d %.12g\n", s, t }' sums.data
factor 18446744073709551557 600851475143
factor 340282366920938463463374607431768211297
base64 sums.data | tail -n 1
od -A d -t fD -N 64 sums.data
od -A d -t fF -N 32 -w16 sums.data

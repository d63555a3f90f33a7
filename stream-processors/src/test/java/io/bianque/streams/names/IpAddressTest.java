package io.bianque.streams.names;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class IpAddressTest {
  private static IpAddress address(String hex) {
    return IpAddress.of(HexFormat.of().parseHex(hex));
  }

  @ParameterizedTest
  @CsvSource({
    "7f000001, 127.0.0.1",
    "00000000, 0.0.0.0",
    "20010db8000000000000000000000001, 2001:db8::1",
    "00000000000000000000000000000000, ::",
    "00000000000000000000000000000001, ::1",
    "fe800000000000000000000000000000, fe80::",
    "20010db8000000010001000100010001, 2001:db8:0:1:1:1:1:1",
    "20010000000000010000000000000001, 2001:0:0:1::1",
    "20010db8000000000001000000000001, 2001:db8::1:0:0:1",
    "00000000000000000000ffff0a000001, ::ffff:10.0.0.1"
  })
  void isWrittenAsRfc5952Says(String hex, String text) {
    assertThat(address(hex)).hasToString(text);
  }

  @ParameterizedTest
  @CsvSource({
    "0a000001, true",
    "7f000001, true",
    "00000000, false",
    "ffffffff, false",
    "e0000001, false",
    "a9fe0001, false",
    "20010db8000000000000000000000001, true",
    "00000000000000000000000000000000, false",
    "ff020000000000000000000000000001, false",
    "fe800000000000000000000000000001, false",
    "febf0000000000000000000000000001, false",
    "fec00000000000000000000000000001, true",
    "a9fd0001, true",
    "00000000000000000000ffffe0000001, false",
    "00000000000000000000ffff0a000001, true"
  })
  void isAskedForWhereANameMeansSomething(String hex, boolean asked) {
    assertThat(address(hex).mayHaveName()).isEqualTo(asked);
  }

  @ParameterizedTest
  @CsvSource({
    "10.0.0.1, 10.0.0.1",
    "::1, ::1",
    "::ffff:10.0.0.1, 10.0.0.1",
    "2001:DB8::0, 2001:db8::"
  })
  void isReadFromItsText(String text, String address) {
    assertThat(IpAddress.parse(text).orElseThrow()).hasToString(address);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "10.0.1",
        "10",
        "010.0.0.1",
        "10.0.0.256",
        "localhost",
        "::1%lo",
        "[::1]",
        "1:2"
      })
  void anyOtherTextIsNone(String text) {
    assertThat(IpAddress.parse(text)).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "10.1.2.3, 16, 10.1.0.0",
    "10.1.2.3, 32, 10.1.2.3",
    "10.1.2.3, 0, 0.0.0.0",
    "10.1.255.3, 20, 10.1.240.0",
    "2001:db8:ffff::1, 36, 2001:db8:f000::"
  })
  void keepsAsManyBitsAsAPrefixHas(String text, int length, String first) {
    assertThat(IpAddress.parse(text).orElseThrow().prefix(length)).hasToString(first);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "0a01%02x%02x", // 10.1.0.0/16
        "20010db8000000%02x00000000000000%02x", // 256 hosts in each of 256 networks
      })
  void neighboursHaveHashCodesOfTheirOwn(String pattern) {
    Set<Integer> hashCodes = new HashSet<>();
    for (int high = 0; high < 256; high++) {
      for (int low = 0; low < 256; low++) {
        hashCodes.add(address(pattern.formatted(high, low)).hashCode());
      }
    }
    assertThat(hashCodes).hasSize(65_536);
  }

  @Property
  void itsTextIsTheSameAddress(@ForAll @Size(16) byte[] bytes) throws Exception {
    assertThat(InetAddress.getByName(IpAddress.of(bytes).toString()))
        .isEqualTo(InetAddress.getByAddress(bytes));
  }
}

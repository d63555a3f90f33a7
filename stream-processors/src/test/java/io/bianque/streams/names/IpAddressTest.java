package io.bianque.streams.names;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.util.HexFormat;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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
    "fe800000000000000000000000000001, false"
  })
  void isAskedForWhereANameMeansSomething(String hex, boolean asked) {
    assertThat(address(hex).mayHaveName()).isEqualTo(asked);
  }

  @Property
  void itsTextIsTheSameAddress(@ForAll @Size(16) byte[] bytes) throws Exception {
    assertThat(InetAddress.getByName(IpAddress.of(bytes).toString()))
        .isEqualTo(InetAddress.getByAddress(bytes));
  }
}

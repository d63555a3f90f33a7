package io.bianque.streams.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.sun.management.ThreadMXBean;
import io.bianque.streams.names.IpAddress;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NetworksTest {
  private static final String FILE =
      """
      networks:
        10.0.0.0/8: {site: everywhere, owner: network}
        10.1.0.0/16: {site: fra1}      # no owner: that of the /8 does not show through
        10.1.7.0/24: {site: fra1, owner: payments}
        10.1.7.9/32: {owner: dns}
        10.2.0.0/16:
        255.255.255.0/24: {site: last}
        2001:db8::/32: {site: doc}
        2001:db8:0:1::/64: {site: doc-1}
        ::/0: {site: internet}
        ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128: {site: end}
      """;

  private static IpAddress address(String text) {
    return IpAddress.parse(text).orElseThrow();
  }

  private static String cidr(Networks networks, String address) {
    Network found = networks.find(address(address));
    return found == null ? "none" : found.cidr();
  }

  @ParameterizedTest
  @CsvSource({
    "10.200.0.1, 10.0.0.0/8",
    "10.1.0.0, 10.1.0.0/16",
    "10.1.6.255, 10.1.0.0/16",
    "10.1.7.0, 10.1.7.0/24",
    "10.1.7.9, 10.1.7.9/32",
    "10.1.7.10, 10.1.7.0/24",
    "10.1.8.0, 10.1.0.0/16",
    "10.2.3.4, 10.2.0.0/16",
    "10.3.0.0, 10.0.0.0/8",
    "9.255.255.255, none",
    "11.0.0.0, none",
    "0.0.0.0, none",
    "255.255.254.255, none",
    "255.255.255.255, 255.255.255.0/24",
    "2001:db8::1, 2001:db8::/32",
    "2001:db8:0:1::1, 2001:db8:0:1::/64",
    "2001:db8:0:2::, 2001:db8::/32",
    "2001:db9::, ::/0",
    "::, ::/0",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe, ::/0",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff, ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"
  })
  void theLongestPrefixWins(String address, String network) {
    assertThat(cidr(Networks.parse("n.yaml", FILE), address)).isEqualTo(network);
  }

  @Test
  void anIpv4AddressIsTheSameWhenItIsMappedIntoIpv6() {
    byte[] mapped = new byte[16];
    mapped[10] = mapped[11] = (byte) 0xff;
    mapped[12] = 10;
    mapped[13] = 1;
    assertThat(Networks.parse("n.yaml", FILE).find(IpAddress.of(mapped)).cidr())
        .isEqualTo("10.1.0.0/16");
  }

  @Test
  void whatTheInnermostNetworkDoesNotSayIsNotSaid() {
    Networks networks = Networks.parse("n.yaml", FILE);
    assertThat(networks.find(address("10.1.0.1")))
        .isEqualTo(new Network("10.1.0.0/16", "fra1", null));
    assertThat(networks.find(address("10.2.0.1")))
        .isEqualTo(new Network("10.2.0.0/16", null, null));
    assertThat(networks.size()).isEqualTo(10);
  }

  @Test
  void anEmptyTableHasNoNetworks() {
    assertThat(Networks.parse("n.yaml", "networks:\n").find(address("10.0.0.1"))).isNull();
    assertThat(Networks.none().find(address("::1"))).isNull();
  }

  @Test
  void everyMistakeIsSaidWithItsPlace() {
    String file =
        """
        networks:
          10.1.0.7/16: {site: fra1}
          10.2.0.0: {site: fra1}
          10.3.0.0/33: {site: fra1}
          10.4/16: {site: fra1}
          010.0.0.0/8: {site: fra1}
          localhost/8: {site: fra1}
          2001:db8::1/32: {site: fra1}
          ::ffff:10.0.0.0/104: {site: fra1}
          10.5.0.0/16: {sites: fra1}
          10.6.0.0/16: fra1
          10.7.0.0/16: {site: [fra1]}
          10.8.0.0/16: {site: a, site: b}
          2001:db8:1::/48: {site: a}
          2001:0db8:0001:0::/48: {site: b}
        network: {}
        """;
    assertThatExceptionOfType(InvalidNetworks.class)
        .isThrownBy(() -> Networks.parse("n.yaml", file))
        .satisfies(e ->
            assertThat(e.getMessage().lines())
                .containsExactly(
                    "n.yaml:2:3: '10.1.0.7/16' has bits set behind its prefix; the network is 10.1.0.0/16, the address 10.1.0.7/32",
                    "n.yaml:3:3: '10.2.0.0' has no prefix length; the one address is 10.2.0.0/32",
                    "n.yaml:4:3: '10.3.0.0/33': the prefix length must be a number from 0 to 32",
                    "n.yaml:5:3: '10.4/16' is no network; it must be as 10.1.0.0/16 or 2001:db8::/32",
                    "n.yaml:6:3: '010.0.0.0/8' is no network; it must be as 10.1.0.0/16 or 2001:db8::/32",
                    "n.yaml:7:3: 'localhost/8' is no network; it must be as 10.1.0.0/16 or 2001:db8::/32",
                    "n.yaml:8:3: '2001:db8::1/32' has bits set behind its prefix; the network is 2001:db8::/32, the address 2001:db8::1/128",
                    "n.yaml:9:3: '::ffff:10.0.0.0/104' is of IPv4; write it so: 10.0.0.0",
                    "n.yaml:10:17: unknown key 'sites' (did you mean 'site'?); allowed: owner, site",
                    "n.yaml:11:16: a network must have a mapping of site and owner: {site: fra1, owner: shop}",
                    "n.yaml:12:23: 'site' must be text",
                    "n.yaml:13:26: 'site' is there twice",
                    "n.yaml:15:3: '2001:0db8:0001:0::/48' is in line 14 already",
                    "n.yaml:16:1: unknown key 'network': only 'networks' is allowed here"));
  }

  @Test
  void whatIsNoYamlIsRefusedWithItsPlace() {
    assertThatExceptionOfType(InvalidNetworks.class)
        .isThrownBy(() -> Networks.parse("n.yaml", "networks:\n  10.0.0.0/8: {site: a\n"))
        .withMessageStartingWith("n.yaml:3:1: no YAML: ");
    assertThatExceptionOfType(InvalidNetworks.class)
        .isThrownBy(() -> Networks.parse("n.yaml", "- 10.0.0.0/8\n"))
        .withMessage("n.yaml:1:1: the file must be a mapping with the key 'networks'");
    assertThatExceptionOfType(InvalidNetworks.class)
        .isThrownBy(() -> Networks.read(Path.of("no.yaml")))
        .withMessageContaining("no.yaml: cannot be read");
  }

  /** Addresses of few bits, so that networks are often within each other. */
  @Provide
  Arbitrary<String> cidrs() {
    Arbitrary<String> ipv4 =
        Combinators.combine(
                Arbitraries.integers().between(0, 255), Arbitraries.integers().between(0, 8))
            .as((bits, cut) ->
                IpAddress.of(new byte[] {bits.byteValue(), 0, 0, 0}).prefix(8 - cut)
                    + "/"
                    + (8 - cut));
    Arbitrary<String> ipv6 =
        Combinators.combine(
                Arbitraries.integers().between(0, 255), Arbitraries.integers().between(0, 8))
            .as((bits, cut) -> {
              byte[] bytes = new byte[16];
              bytes[0] = 0x20;
              bytes[15] = bits.byteValue();
              return IpAddress.of(bytes).prefix(128 - cut) + "/" + (128 - cut);
            });
    return Arbitraries.oneOf(ipv4, ipv6);
  }

  @Property(tries = 50)
  void itFindsWhatALookAtEachNetworkFinds(@ForAll List<@net.jqwik.api.From("cidrs") String> cidrs) {
    Set<String> distinct = new LinkedHashSet<>(cidrs);
    StringBuilder file = new StringBuilder("networks:\n");
    distinct.forEach(cidr -> file.append("  ").append(cidr).append(": {site: a}\n"));
    Networks networks = Networks.parse("n.yaml", file.toString());
    for (int bits = 0; bits < 256; bits++) {
      byte[] six = new byte[16];
      six[0] = 0x20;
      six[15] = (byte) bits;
      for (IpAddress address :
          List.of(IpAddress.of(new byte[] {(byte) bits, 1, 2, 3}), IpAddress.of(six))) {
        assertThat(cidr(networks, address.toString())).isEqualTo(longest(distinct, address));
      }
    }
  }

  private static String longest(Set<String> cidrs, IpAddress address) {
    String best = "none";
    int most = -1;
    for (String cidr : cidrs) {
      String[] parts = cidr.split("/", -1);
      IpAddress first = address(parts[0]);
      int prefix = Integer.parseInt(parts[1]);
      if (first.isIpv4() == address.isIpv4()
          && address.prefix(prefix).equals(first)
          && prefix > most) {
        best = cidr;
        most = prefix;
      }
    }
    return best;
  }

  @Test
  void ofThousandsALookupTakesNoMemory() {
    StringBuilder file = new StringBuilder("networks:\n");
    for (int i = 0; i < 20_000; i++) {
      file.append("  10.%d.%d.0/24: {site: s%d}\n".formatted(i >> 8, i & 255, i));
    }
    Networks networks = Networks.parse("n.yaml", file.toString());
    IpAddress address = address("10.33.44.55");
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    int found = 0;
    long before = threads.getCurrentThreadAllocatedBytes();
    for (int i = 0; i < 100_000; i++) {
      found += networks.find(address) == null ? 0 : 1;
    }
    long taken = threads.getCurrentThreadAllocatedBytes() - before;

    assertThat(found).isEqualTo(100_000);
    assertThat(networks.find(address).site()).isEqualTo("s" + (33 * 256 + 44));
    assertThat(taken).isLessThan(100_000);
  }
}

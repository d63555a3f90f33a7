package io.bianque.streams.names;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class NetworkNamesTest {
  @Test
  void statesAreTheKernelsOwn() {
    assertThat(NetworkNames.tcpState(1)).isEqualTo("ESTABLISHED");
    assertThat(NetworkNames.tcpState(8)).isEqualTo("CLOSE_WAIT");
    assertThat(NetworkNames.tcpState(12)).isEqualTo("NEW_SYN_RECV");
    assertThat(NetworkNames.tcpState(0)).isNull();
    assertThat(NetworkNames.tcpState(77)).isNull();
  }

  @Test
  void flagsAreListedFromTheLowestBit() {
    assertThat(NetworkNames.tcpFlags(0x12)).isEqualTo(List.of("SYN", "ACK"));
    assertThat(NetworkNames.tcpFlags(0)).isEmpty();
    assertThat(NetworkNames.tcpFlags(0xff)).hasSize(8).endsWith("CWR");
  }

  @Test
  void protocolsHaveIanasNames() {
    assertThat(NetworkNames.ipProtocol(6)).isEqualTo("tcp");
    assertThat(NetworkNames.ipProtocol(58)).isEqualTo("ipv6-icmp");
    assertThat(NetworkNames.ipProtocol(253)).isNull();
  }

  @Test
  void etherTypesBeyondIpAndArpAreHex() {
    assertThat(NetworkNames.etherType(0x0806)).isEqualTo("arp");
    assertThat(NetworkNames.etherType(0x88cc)).isEqualTo("0x88cc");
  }
}

package io.bianque.agent.probe;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.agent.probe.ProbeSettings.Channel;
import io.bianque.agent.probe.ProbeState.Attached;
import io.bianque.agent.testing.KernelTest;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * No device of this machine can be made to stand still, so here only that each variant holds. The
 * event itself is shown in a virtual machine, whose card is cut off from memory.
 */
@KernelTest
class NetdevTxqueueTimeoutTest {

  @ParameterizedTest
  @ValueSource(strings = {"tp_btf/net_dev_xmit_timeout", "raw_tp/net_dev_xmit_timeout"})
  void attaches(String section) {
    try (ProbeBench probe =
        ProbeBench.of(
            "netdev_txqueue_timeout", Channel.RINGBUF, 1 << 16, Map.of(), Set.of(section))) {
      Attached attached = (Attached) probe.report().state();

      assertThat(attached.hook()).isEqualTo(section);
      assertThat(attached.refused()).isEmpty();
    }
  }
}

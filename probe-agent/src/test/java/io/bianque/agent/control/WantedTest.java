package io.bianque.agent.control;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.facts.ControlAction;
import io.bianque.facts.ControlRequest;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class WantedTest {
  private static final Wanted CONFIGURED = new Wanted(true, Map.of("a", "1"));

  @Test
  void withoutARequestTheConfigurationHolds() {
    assertThat(of()).isEqualTo(CONFIGURED);
  }

  @Test
  void tunablesOfLaterRequestsGoOverThoseOfEarlierOnes() {
    assertThat(of(tune("a", "2"), tune("b", "3"), tune("a", "4")))
        .isEqualTo(new Wanted(true, Map.of("a", "4", "b", "3")));
  }

  @Test
  void whatWasTunedWhileItWasStoppedIsSoWhenItIsStarted() {
    ControlRequest stop = Asked.of(ControlAction.STOP, Map.of());
    assertThat(of(stop, tune("a", "2"))).isEqualTo(new Wanted(false, Map.of("a", "2")));
    assertThat(of(stop, tune("a", "2"), Asked.of(ControlAction.START, Map.of("b", "3"))))
        .isEqualTo(new Wanted(true, Map.of("a", "2", "b", "3")));
  }

  @Test
  void aResetLetsOnlyLaterRequestsCount() {
    ControlRequest reset = Asked.of(ControlAction.RESET, Map.of());
    assertThat(of(Asked.of(ControlAction.STOP, Map.of()), tune("a", "2"), reset))
        .isEqualTo(CONFIGURED);
    assertThat(of(tune("a", "2"), reset, tune("b", "3")))
        .isEqualTo(new Wanted(true, Map.of("a", "1", "b", "3")));
  }

  private static Wanted of(ControlRequest... holding) {
    return Wanted.of(CONFIGURED, List.of(holding));
  }

  private static ControlRequest tune(String name, String value) {
    return Asked.of(ControlAction.TUNE, Map.of(name, value));
  }
}

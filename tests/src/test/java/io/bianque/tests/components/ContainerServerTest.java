package io.bianque.tests.components;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.bianque.standalone.part.Broker;
import io.bianque.standalone.stack.Ports;
import org.apache.kafka.clients.admin.Admin;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Where a container engine answers, the broker that tests get is really a container of it. */
@Tag("container")
class ContainerBrokerTest {

  @Test
  void anEngineThatAnswersLendsTheBroker() throws Exception {
    assumeTrue(ContainerBroker.engineAnswers(), "no container engine answers");
    Ports ports = Ports.free();

    try (ContainerBroker broker = ContainerBroker.where(ports.broker()).orElseThrow()) {
      broker.start();
      try (Admin admin = Broker.admin(ports.bootstrapServers())) {
        assertThat(admin.describeCluster().nodes().get()).hasSize(1);
      }
      broker.kill();
      assertThat(broker.isRunning()).isFalse();
    }
  }
}

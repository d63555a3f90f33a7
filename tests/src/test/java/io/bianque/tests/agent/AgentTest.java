package io.bianque.tests.agent;

import io.bianque.agent.testing.KernelTest;
import java.io.IOException;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * A test that runs the packaged agent on this machine's kernel; skipped, with the reason, where
 * that cannot be.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@Tag("integration")
@ExtendWith({KernelTest.Condition.class, AgentTest.Condition.class})
@interface AgentTest {

  /** Asked once a class. */
  final class Condition implements ExecutionCondition {
    private static final int CAP_SYS_ADMIN = 21;
    private static final int CAP_PERFMON = 38;
    private static final int CAP_BPF = 39;

    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
      if (!Files.isExecutable(AgentProcess.LAUNCHER)) {
        return ConditionEvaluationResult.disabled("the agent is not packaged: `./bianque build`");
      }
      return mayLoad()
          ? ConditionEvaluationResult.enabled("the agent is packaged and may load its probes")
          : ConditionEvaluationResult.disabled("needs CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN");
    }

    /** Root of a container may lack them. */
    private static boolean mayLoad() {
      try {
        BigInteger effective =
            Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith("CapEff:"))
                .map(line -> new BigInteger(line.substring(line.indexOf(':') + 1).strip(), 16))
                .findFirst()
                .orElse(BigInteger.ZERO);
        return effective.testBit(CAP_SYS_ADMIN)
            || (effective.testBit(CAP_BPF) && effective.testBit(CAP_PERFMON));
      } catch (IOException e) {
        return false;
      }
    }
  }
}

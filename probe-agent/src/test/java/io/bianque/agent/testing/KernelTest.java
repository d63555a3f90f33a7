package io.bianque.agent.testing;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * A test that loads eBPF and makes network namespaces; skipped, with the reason, where it cannot.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@Tag("kernel")
@ExtendWith(KernelTest.Condition.class)
public @interface KernelTest {

  /** Asked once a class. */
  final class Condition implements ExecutionCondition {
    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
      return missing()
          .map(ConditionEvaluationResult::disabled)
          .orElseGet(() -> ConditionEvaluationResult.enabled("root, BTF and namespaces"));
    }

    private static Optional<String> missing() {
      if (!"root".equals(System.getProperty("user.name"))) {
        return Optional.of("needs root");
      }
      if (!Files.exists(Path.of("/sys/kernel/btf/vmlinux"))) {
        return Optional.of("this kernel has no BTF");
      }
      return NetnsPair.unavailable();
    }
  }
}

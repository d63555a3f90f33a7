package io.bianque.tests.components;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * The test class needs these servers, running before its first test. Constructors and methods may
 * take a {@link Components}.
 *
 * <p>The servers are shared with other classes: use topics, subjects and indices of your own. A
 * server that a test stops or kills is started again before the next class.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@Tag("integration")
@ExtendWith(RealComponentsExtension.class)
public @interface RealComponents {
  Component[] value();
}

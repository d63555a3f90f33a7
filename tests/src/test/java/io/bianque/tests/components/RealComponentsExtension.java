package io.bianque.tests.components;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.platform.commons.support.AnnotationSupport;

/**
 * Starts what {@link RealComponents} names and hands out {@link Components}; JUnit closes them
 * after the last class.
 */
final class RealComponentsExtension implements BeforeAllCallback, ParameterResolver {

  @Override
  public void beforeAll(ExtensionContext context) throws InterruptedException {
    Components components = components(context);
    components.start(asked(context).toArray(Component[]::new));
  }

  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    return parameter.getParameter().getType() == Components.class;
  }

  @Override
  public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
    return components(context);
  }

  private static Set<Component> asked(ExtensionContext context) {
    Set<Component> asked = EnumSet.noneOf(Component.class);
    AnnotationSupport.findAnnotation(context.getRequiredTestClass(), RealComponents.class)
        .ifPresent(annotation -> asked.addAll(List.of(annotation.value())));
    if (asked.contains(Component.CONNECT)) {
      asked.add(Component.BROKER);
    }
    return asked;
  }

  private static Components components(ExtensionContext context) {
    return context
        .getRoot()
        .getStore(ExtensionContext.Namespace.create(RealComponentsExtension.class))
        .computeIfAbsent(Components.class, key -> new Components(), Components.class);
  }
}

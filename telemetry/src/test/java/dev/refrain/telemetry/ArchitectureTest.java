package dev.refrain.telemetry;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** What traces may depend on, and that only they use OpenTelemetry. */
@AnalyzeClasses(packages = "dev.refrain", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    @ArchTest
    static final ArchRule theyKnowTheLogOfRequestsAndNoFrontEnd = noClasses()
            .that()
            .resideInAPackage("dev.refrain.telemetry..")
            .should()
            .dependOnClassesThat(new DescribedPredicate<>("are of the console, but not of its log, or of a front-end") {
                @Override
                public boolean test(JavaClass used) {
                    String name = used.getPackageName();
                    return name.startsWith("dev.refrain.http")
                            || name.startsWith("dev.refrain.engine.internal")
                            || (name.startsWith("dev.refrain.console") && !name.equals("dev.refrain.console.activity"));
                }
            });

    /** The operator brings the SDK that records. */
    @ArchTest
    static final ArchRule theyKnowTheApiAlone = noClasses()
            .that()
            .resideInAPackage("dev.refrain..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.opentelemetry.sdk..", "io.opentelemetry.exporter..");

    @ArchTest
    static final ArchRule nobodyElseKnowsIt = noClasses()
            .that()
            .resideOutsideOfPackage("dev.refrain.telemetry..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("io.opentelemetry..");
}

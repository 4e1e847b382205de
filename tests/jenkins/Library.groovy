import java.lang.annotation.ElementType
import java.lang.annotation.Retention
import java.lang.annotation.RetentionPolicy
import java.lang.annotation.Target

/** Jenkins' annotation of this name. It has no effect here, because the library is always loaded. */
@Retention(RetentionPolicy.SOURCE)
@Target([ElementType.LOCAL_VARIABLE, ElementType.TYPE, ElementType.PACKAGE])
@interface Library {

    String[] value()

}

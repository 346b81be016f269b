# Message packages that were built elsewhere and then packed (such as the ROS wheels of PyPI) name
# folders of the machine that built them in the include directories of their Python targets, and
# CMake stops at an include directory that does not exist. drop_missing_includes(pkg...) removes
# those; where ROS itself is installed all of them exist and nothing is removed.
function(drop_missing_includes)
  foreach(package IN LISTS ARGN)
    foreach(target IN ITEMS ${package}::${package}__rosidl_generator_py
                            ${package}::${package}__rosidl_typesupport_c
                            ${package}::${package}__rosidl_typesupport_cpp)
      if(NOT TARGET ${target})
        continue()
      endif()
      get_target_property(folders ${target} INTERFACE_INCLUDE_DIRECTORIES)
      if(NOT folders)
        continue()
      endif()
      set(kept "")
      foreach(folder IN LISTS folders)
        if(folder MATCHES "^\\$<" OR NOT IS_ABSOLUTE "${folder}" OR EXISTS "${folder}")
          list(APPEND kept "${folder}")
        endif()
      endforeach()
      set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${kept}")
    endforeach()
  endforeach()
endfunction()
